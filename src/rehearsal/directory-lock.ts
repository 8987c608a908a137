import { DatabaseSync } from 'node:sqlite'

/** An exclusive lock of this process on a directory. */
export interface DirectoryLock {
  release(): void
}

/** SQLite's error code for a database that another process has locked. */
const busy = 5

/**
 * Locks a file until it is released or this process ends; returns null while another process holds the lock. The operating
 * system releases the lock however the process ends. The file is an empty SQLite database, used only for its lock.
 */
export function lockDirectory(file: string): DirectoryLock | null {
  const lock = new DatabaseSync(file, { timeout: 0 })
  try {
    lock.exec('begin exclusive')
    return { release: () => lock.close() }
  } catch (error) {
    lock.close()
    if (error instanceof Error && 'errcode' in error && error.errcode === busy) return null
    throw error
  }
}
