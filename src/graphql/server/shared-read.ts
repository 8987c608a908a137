import type { Tx } from '../../store/database.ts'

type Transact = <Result>(work: (tx: Tx) => Promise<Result>) => Promise<Result>

interface Waiting {
  run(tx: Tx): Promise<void>
  fail(error: unknown): void
}

/** More than this many reads are spread over several connections. */
const maxReadsPerTransaction = 8

/**
 * Lets the reads that resolvers ask for in the same turn share a transaction: a list of twenty plans, each with its slots,
 * costs three transactions instead of twenty. A statement that fails ends the transaction for all that share it; any other
 * error is its own reader's alone.
 */
export function shareReads(transact: Transact): Transact {
  let waiting: Waiting[] = []

  const flush = () => {
    const all = waiting
    waiting = []
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
      if (waiting.length === 0) setImmediate(flush)
      const run = async (tx: Tx) => {
        try {
          resolve(await work(tx))
        } catch (error) {
          reject(error)
          if (isOfDatabase(error)) throw error
        }
      }
      waiting.push({ run, fail: reject })
    })
}

/** Errors that Postgres reports have a severity; whatever follows one in its transaction is refused. */
function isOfDatabase(error: unknown): boolean {
  return error instanceof Error && 'severity' in error
}
