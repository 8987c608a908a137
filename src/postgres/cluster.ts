import { randomBytes, randomUUID } from 'node:crypto'
import { chown, link, mkdir, open, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { run } from './command.ts'
import type { Installation } from './installation.ts'
import { failure } from './log.ts'

export const superuser = 'reelpilot'

/** Written into postgresql.conf once; from then on that file is the operator's to edit. */
const initialSettings = {
  max_connections: '100',
  shared_buffers: '128MB',
  // Our statements are short, and parallel ones would need more shared memory than a container's 64 MB of /dev/shm.
  max_parallel_workers_per_gather: '0',
  log_checkpoints: 'off',
}

/**
 * Reads the superuser's password, making one up the first time: 192 random bits, safe in a URL, mode 0600. Of two
 * processes that do so at once, both get the same one.
 */
export async function ensurePassword({ passwordFile, user }: Installation): Promise<string> {
  const saved = await readFile(passwordFile, 'utf8').catch(unless('ENOENT'))
  if (saved !== undefined) return saved.trim()

  const draft = `${passwordFile}.${randomUUID()}`
  await writeFile(draft, `${randomBytes(24).toString('base64url')}\n`, { mode: 0o600, flush: true })
  try {
    if (user) await chown(draft, user.uid, user.gid) // initdb reads it
    await link(draft, passwordFile).catch(unless('EEXIST'))
  } finally {
    await rm(draft)
  }
  return (await readFile(passwordFile, 'utf8')).trim()
}

/**
 * Makes the data directory if it does not exist; true if this call made it. It is built beside its place and renamed
 * when complete, so what a killed initdb leaves behind is never taken for data. Of two at once, the first wins.
 */
export async function ensureCluster(installation: Installation): Promise<boolean> {
  const { data } = installation
  let made = false
  if (!(await isCluster(data))) {
    try {
      await makeCluster(installation)
      made = true
    } catch (error) {
      // Another process has put its own there first, and swept ours away perhaps.
      if (!(await isCluster(data))) throw error
    }
  }
  await removeDrafts(data)
  return made
}

async function makeCluster(installation: Installation): Promise<void> {
  const { user, data, log, passwordFile } = installation
  const draft = `${data}.${randomUUID()}`
  await mkdir(draft, { mode: 0o700 })
  if (user) await chown(draft, user.uid, user.gid)

  const args = [
    `--username=${superuser}`,
    `--pwfile=${passwordFile}`,
    '--auth=scram-sha-256',
    '--encoding=UTF8',
    // Postgres's own Unicode rules: the same order on every system, whatever locales it has or upgrades.
    '--locale=C',
    '--locale-provider=builtin',
    '--builtin-locale=C.UTF-8',
    '--no-instructions',
    ...Object.entries(initialSettings).map(([name, value]) => `--set=${name}=${value}`),
  ]
  if (!(await run('initdb', args, { ...installation, data: draft }))) {
    throw await failure('The embedded Postgres could not make its data directory.', log)
  }
  await rename(draft, data) // refused if there is one that is not empty
  const parent = await open(dirname(data))
  await parent.sync().finally(() => parent.close())
}

async function isCluster(data: string): Promise<boolean> {
  return (await stat(join(data, 'PG_VERSION')).catch(unless('ENOENT'))) !== undefined
}

/** Safe while another process still builds one, which will fail and find the finished directory instead. */
async function removeDrafts(data: string): Promise<void> {
  const parent = dirname(data)
  const drafts = (await readdir(parent)).filter((name) => name.startsWith(`${basename(data)}.`))
  // One that is being written to may resist; the next start removes it.
  await Promise.allSettled(drafts.map((name) => rm(join(parent, name), { recursive: true, force: true })))
}

/** Turns one expected file error into undefined. */
function unless(code: 'ENOENT' | 'EEXIST'): (error: NodeJS.ErrnoException) => undefined {
  return (error) => {
    if (error.code !== code) throw error
    return undefined
  }
}
