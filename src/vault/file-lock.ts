import { DatabaseSync } from 'node:sqlite'

/**
 * Runs `work` while no other process runs any for the same file, waiting up to ten seconds for its turn.
 *
 * Node has no lock for files, and a lock file of our own would outlive a killed process. SQLite locks by the operating
 * system, which lets go by itself; that is all it is used for here, so `<file>.lock` stays empty. `work` is synchronous:
 * nothing of this process can come between.
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
