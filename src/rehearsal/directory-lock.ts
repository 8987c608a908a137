import { DatabaseSync } from 'node:sqlite'

/** A directory that is this process's alone. */
export interface DirectoryLock {
  release(): void
}

/** SQLite's code for what another process has locked. */
const busy = 5

/**
 * Takes a lock for as long as this process lives, or until it is released; answers null while another process has it. `file`
 * is made and stays empty: the operating system holds the lock, and lets go of it however the process ends. That is all that
 * SQLite is used for here.
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
