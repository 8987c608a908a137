import { DatabaseSync } from 'node:sqlite'

/**
 * Runs `work` while it holds an exclusive lock for a file, across processes. Waits up to ten seconds for the lock.
 *
 * Node has no file locks, and a lock file of our own would survive a killed process. SQLite uses the operating system's
 * locks, which are released with the process; nothing is written to `<file>.lock`. `work` is synchronous, so nothing else in
 * this process runs meanwhile.
 */
export function withFileLock<Result>(file: string, work: () => Result): Result {
  const lock = new DatabaseSync(`${file}.lock`, { timeout: 10_000 })
  try {
    lock.exec('begin exclusive')
    return work()
  } finally {
    lock.close()
  }
}
