import type { Tx } from '../../store/database.ts'

type Transact = <Result>(work: (tx: Tx) => Promise<Result>) => Promise<Result>

interface PendingRead {
  run(tx: Tx): Promise<void>
  fail(error: unknown): void
}

/** More reads than this are spread over several transactions. */
const maxReadsPerTransaction = 8

/**
 * Lets reads that are started in the same event loop turn share a transaction: a list of twenty plans with their slots takes
 * three transactions instead of twenty. A failed statement fails all reads of its transaction; any other error fails only
 * its own read.
 */
export function shareReads(transact: Transact): Transact {
  let pending: PendingRead[] = []

  const flush = () => {
    const all = pending
    pending = []
    for (let start = 0; start < all.length; start += maxReadsPerTransaction) {
      const batch = all.slice(start, start + maxReadsPerTransaction)
      transact(async (tx) => {
        for (const read of batch) await read.run(tx)
      }).catch((error) => {
        for (const read of batch) read.fail(error)
      })
    }
  }

  return (work) =>
    new Promise((resolve, reject) => {
      if (pending.length === 0) setImmediate(flush)
      const run = async (tx: Tx) => {
        try {
          resolve(await work(tx))
        } catch (error) {
          reject(error)
          if (isPostgresError(error)) throw error
        }
      }
      pending.push({ run, fail: reject })
    })
}

/** Postgres rejects every further statement of a transaction after one of its errors, which have a `severity`. */
function isPostgresError(error: unknown): boolean {
  return error instanceof Error && 'severity' in error
}
