import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { readFile, readlink, realpath, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'

/** Postgres's own lock on a data directory, `postmaster.pid`. */
export interface PidFile {
  readonly text: string
  /** NaN in a file that was cut off. */
  readonly pid: number
  /** NaN in a file that was cut off. */
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
 * Whether a lock names no server of ours for certain: it was cut off, or its pid has gone to another program, as it
 * does when a container starts again. Postgres itself sees through a dead pid, but would respect these for ever.
 */
export async function isLeftOver({ pid }: PidFile, data: string): Promise<boolean> {
  if (Number.isNaN(pid)) return true
  const program = await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => undefined)
  // Dead, or a system without /proc: Postgres decides.
  if (program === undefined) return false
  if (program.trim() !== 'postgres') return true
  // A postmaster lives in its data directory. Without the right to look (root in a container), believe the name.
  const home = await readlink(`/proc/${pid}/cwd`).catch(() => undefined)
  return home !== undefined && home !== (await realpath(data))
}

/** Removes a lock, unless another server has taken it since it was read. */
export async function removePidFile(judged: PidFile, data: string): Promise<void> {
  const path = join(data, 'postmaster.pid')
  const aside = `${path}.${randomUUID()}`
  await rename(path, aside).catch(() => undefined)
  const text = await readFile(aside, 'utf8').catch(() => judged.text)
  if (text === judged.text) await rm(aside, { force: true })
  else await rename(aside, path)
}

/** Whether a process runs. One that has ended and that nobody has waited for, as in a container without an init, does not. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM' // the type of what kill throws
  }
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return true // A system without /proc.
  }
}
