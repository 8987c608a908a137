import type { Stats } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import { dirname } from 'node:path'

/** The system user that runs Postgres if this process is root, as which Postgres refuses to run. */
export interface SystemUser {
  readonly uid: number
  readonly gid: number
  /** The capability that the user needs to reach its files, if a parent directory is closed to it. */
  readonly capability?: Capability
}

type Capability = 'dac_read_search' | 'dac_override'

/** The weaker one first: it can read and pass everywhere, but write nowhere. Docker grants root the second only. */
const capabilities = [
  { name: 'dac_read_search', bit: 2n },
  { name: 'dac_override', bit: 1n },
] as const satisfies readonly { name: Capability; bit: bigint }[]

/**
 * Chooses the system user that runs Postgres. Undefined: this process's own user, if it is not root. For root: the owner of
 * `data`, or before that exists the user `postgres`, or else `nobody`. `paths` are existing files or directories that it must reach.
 *
 * Throws if there is no such user, or if it cannot reach a path and root here has no capability to pass on.
 */
export async function chooseSystemUser(
  data: string,
  paths: readonly string[],
): Promise<SystemUser | undefined> {
  if (process.geteuid?.() !== 0) return undefined

  const user = (await ownerOf(data)) ?? (await findUser('postgres')) ?? (await findUser('nobody'))
  if (!user) {
    throw new Error(
      'Postgres does not run as root, and this system has neither a user `postgres` nor `nobody` to run it. ' +
        'Start as an ordinary user, or set DATABASE_URL to use your own Postgres.',
    )
  }

  for (const path of paths) {
    const closed = await firstClosedTo(user, path)
    if (closed) return { ...user, capability: await chooseCapability(closed) }
  }
  return user
}

async function ownerOf(data: string): Promise<SystemUser | undefined> {
  const { uid, gid } = await stat(data).catch(() => ({ uid: 0, gid: 0 }))
  return uid === 0 ? undefined : { uid, gid }
}

async function findUser(name: string): Promise<SystemUser | undefined> {
  const passwd = await readFile('/etc/passwd', 'utf8').catch(() => '')
  const entry = passwd.split('\n').find((line) => line.startsWith(`${name}:`))
  const [, , uid, gid] = entry?.split(':').map(Number) ?? []
  return uid && gid && uid > 0 && gid > 0 ? { uid, gid } : undefined
}

/** The topmost directory that the user may not pass, such as /root or one of `mktemp -d`. */
async function firstClosedTo(user: SystemUser, path: string): Promise<string | undefined> {
  const parent = dirname(path)
  const above = parent === path ? undefined : await firstClosedTo(user, parent)
  return above ?? (mayPass(user, await stat(path)) ? undefined : path)
}

function mayPass(user: SystemUser, { mode, uid, gid }: Stats): boolean {
  const bit = uid === user.uid ? 0o100 : gid === user.gid ? 0o010 : 0o001
  return (mode & bit) !== 0
}

async function chooseCapability(closed: string): Promise<Capability> {
  const status = await readFile('/proc/self/status', 'utf8').catch(() => '')
  const effective = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0'}`)
  const available = capabilities.find(({ bit }) => (effective >> bit) & 1n)
  if (available) return available.name
  throw new Error(
    `Postgres does not run as root, and the user that would run it may not pass ${closed}. ` +
      'Open that directory (chmod o+x), start as an ordinary user, or set DATABASE_URL to use your own Postgres.',
  )
}
