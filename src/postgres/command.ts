import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { open } from 'node:fs/promises'
import type { Installation } from './installation.ts'
import type { SystemUser } from './system-user.ts'

/**
 * Runs one of the installation's programs to its end. Returns whether it succeeded; the log has its output.
 *
 * Throws if it could not be run at all.
 */
export async function run(
  program: 'initdb' | 'pg_ctl',
  args: readonly string[],
  { binaries, user, data, log }: Installation,
): Promise<boolean> {
  const [file, ...rest] = [...(user?.capability ? withCapability(user) : []), binaries[program], ...args]

  const output = await open(log, 'a', 0o600)
  try {
    const child = spawn(file, rest, {
      // Opened here and inherited: the user needs no access to the log, and the server outlives a pipe.
      stdio: ['ignore', output.fd, output.fd],
      // Not our environment: it holds secrets, and Postgres obeys variables such as PGTZ. The data directory is passed
      // here because a path in the environment needs no quoting for the shell behind pg_ctl.
      env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', PGDATA: data, LC_ALL: 'C', TZ: 'UTC' },
      ...(user && !user.capability ? { uid: user.uid, gid: user.gid } : {}),
    })
    const [code] = await once(child, 'exit')
    return code === 0
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new Error(
      `The bundled Postgres cannot run here (${file}: ${reason}). Set DATABASE_URL to use your own.`,
      {
        cause,
      },
    )
  } finally {
    await output.close()
  }
}

/**
 * The command prefix that changes from root to the user and keeps one capability. `no_setuid_fixup`: initdb and pg_ctl look for
 * their siblings with access(2), which otherwise ignores the capabilities of a user other than root.
 */
function withCapability({ uid, gid, capability }: SystemUser): [string, ...string[]] {
  return [
    'setpriv',
    `--reuid=${uid}`,
    `--regid=${gid}`,
    '--clear-groups',
    `--inh-caps=-all,+${capability}`,
    `--ambient-caps=-all,+${capability}`,
    '--securebits=+no_setuid_fixup',
    '--',
  ]
}
