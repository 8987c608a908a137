import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { readFile, readlink, realpath, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'

/** Postgres's own lock on a data directory, `postmaster.pid`. */
export interface PidFile {
  readonly text: string
  /** NaN in a truncated file. */
  readonly pid: number
  /** NaN in a truncated file. */
  readonly port: number
}

/** Reads a data directory's lock: line 1 is the pid, line 4 the port (PostgreSQL `utils/pidfile.h`). */
export async function readPidFile(data: string): Promise<PidFile | undefined> {
  const text = await readFile(join(data, 'postmaster.pid'), 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error
    return undefined
  })
  if (text === undefined) return undefined
  const lines = text.split('\n')
  return { text, pid: Number.parseInt(lines[0] ?? '', 10), port: Number.parseInt(lines[3] ?? '', 10) }
}

/**
 * Whether a lock certainly names no server of this directory: it is truncated, or another program has its pid, as after the
 * restart of a container. Postgres itself ignores the lock of a dead pid, but would respect these forever.
 */
export async function isStale({ pid }: PidFile, data: string): Promise<boolean> {
  if (Number.isNaN(pid)) return true
  const program = await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => undefined)
  // A dead process, or a system without /proc: Postgres decides.
  if (program === undefined) return false
  if (program.trim() !== 'postgres') return true
  // A postmaster's working directory is its data directory. If it is unreadable (root in a container), trust the name.
  const workingDirectory = await readlink(`/proc/${pid}/cwd`).catch(() => undefined)
  return workingDirectory !== undefined && workingDirectory !== (await realpath(data))
}

/** Removes a stale lock, unless another server has replaced it since it was read. */
export async function removePidFile(stale: PidFile, data: string): Promise<void> {
  const path = join(data, 'postmaster.pid')
  const aside = `${path}.${randomUUID()}`
  await rename(path, aside).catch(() => undefined)
  const text = await readFile(aside, 'utf8').catch(() => stale.text)
  if (text === stale.text) await rm(aside, { force: true })
  else await rename(aside, path)
}

/** Whether a process runs. A zombie, as in a container without an init, does not. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM' // What `kill` throws.
  }
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return true // A system without /proc.
  }
}
