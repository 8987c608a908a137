import { randomBytes, randomUUID } from 'node:crypto'
import { chown, link, mkdir, open, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { run } from './command.ts'
import type { Installation } from './installation.ts'
import { errorWithLog } from './log.ts'

export const superuser = 'reelpilot'

/** Written into postgresql.conf once. From then on the operator edits that file. */
const initialSettings = {
  max_connections: '100',
  shared_buffers: '128MB',
  // Our statements are short, and parallel ones would exceed a container's 64 MB of /dev/shm.
  max_parallel_workers_per_gather: '0',
  log_checkpoints: 'off',
}

/**
 * Reads the superuser's password, which the first call generates: 192 random bits, safe in a URL, mode 0600. Concurrent processes
 * get the same one.
 */
export async function ensurePassword({ passwordFile, user }: Installation): Promise<string> {
  const saved = await readFile(passwordFile, 'utf8').catch(unless('ENOENT'))
  if (saved !== undefined) return saved.trim()

  const draft = `${passwordFile}.${randomUUID()}`
  await writeFile(draft, `${randomBytes(24).toString('base64url')}\n`, { mode: 0o600, flush: true })
  try {
    if (user) await chown(draft, user.uid, user.gid) // initdb reads it.
    await link(draft, passwordFile).catch(unless('EEXIST'))
  } finally {
    await rm(draft)
  }
  return (await readFile(passwordFile, 'utf8')).trim()
}

/**
 * Creates the data directory if it does not exist; returns whether this call created it. It is built under another name and
 * renamed when complete, so the remains of a killed initdb are never taken for data. Of two concurrent processes the first wins.
 */
export async function ensureCluster(installation: Installation): Promise<boolean> {
  const { data } = installation
  let isCreated = false
  if (!(await isCluster(data))) {
    try {
      await createCluster(installation)
      isCreated = true
    } catch (error) {
      // Another process was first, and may have removed our draft.
      if (!(await isCluster(data))) throw error
    }
  }
  await removeDrafts(data)
  return isCreated
}

async function createCluster(installation: Installation): Promise<void> {
  const { user, data, log, passwordFile } = installation
  const draft = `${data}.${randomUUID()}`
  await mkdir(draft, { mode: 0o700 })
  if (user) await chown(draft, user.uid, user.gid)

  const args = [
    `--username=${superuser}`,
    `--pwfile=${passwordFile}`,
    '--auth=scram-sha-256',
    '--encoding=UTF8',
    // Postgres's own Unicode rules sort the same on every system.
    '--locale=C',
    '--locale-provider=builtin',
    '--builtin-locale=C.UTF-8',
    '--no-instructions',
    ...Object.entries(initialSettings).map(([name, value]) => `--set=${name}=${value}`),
  ]
  if (!(await run('initdb', args, { ...installation, data: draft }))) {
    throw await errorWithLog('The bundled Postgres could not create its data directory.', log)
  }
  await rename(draft, data) // Fails if the directory exists and is not empty.
  const parent = await open(dirname(data))
  await parent.sync().finally(() => parent.close())
}

async function isCluster(data: string): Promise<boolean> {
  return (await stat(join(data, 'PG_VERSION')).catch(unless('ENOENT'))) !== undefined
}

/** Safe while another process still builds a draft: that one fails and finds the finished directory. */
async function removeDrafts(data: string): Promise<void> {
  const parent = dirname(data)
  const drafts = (await readdir(parent)).filter((name) => name.startsWith(`${basename(data)}.`))
  // A draft that is being written may resist; the next start removes it.
  await Promise.allSettled(drafts.map((name) => rm(join(parent, name), { recursive: true, force: true })))
}

/** Turns one expected file error into undefined. */
function unless(code: 'ENOENT' | 'EEXIST'): (error: NodeJS.ErrnoException) => undefined {
  return (error) => {
    if (error.code !== code) throw error
    return undefined
  }
}
