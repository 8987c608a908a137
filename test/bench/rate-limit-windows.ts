import pg from 'pg'
import { RateLimiterPostgres } from 'rate-limiter-flexible'
import { createPostgresLimiter } from '../../src/rate-limit/postgres/postgres-limiter.ts'
import { inFlight } from './bench-database.ts'
import type { Row } from './row.ts'

const atOnce = 32
const window = { maxCalls: 1_000_000, windowMs: 60_000, marginMs: 5_000 }
const bucket = { capacity: 1_000_000, refillPerSecond: 1_000_000 }

/** The simplest shared token bucket: one row, one statement. */
const bareBucket = `
  insert into bench_bucket as b (key, tokens, at) values ($1, 999999, clock_timestamp())
  on conflict (key) do update
     set tokens = least(1e6, b.tokens + extract(epoch from clock_timestamp() - b.at) * 1e6) - 1, at = clock_timestamp()
   where least(1e6, b.tokens + extract(epoch from clock_timestamp() - b.at) * 1e6) >= 1
  returning tokens`

/** Our exact sliding windows on many keys and on one contended key. */
export const manyWindows = windowRow('Rate-limit windows, 1,000 keys', 1_000)
export const hotWindow = windowRow('Rate-limit windows, one key', 1)

/**
 * Acquisitions with 32 in flight, beside one statement by bare pg with a durable commit. Further figures: our token buckets, whose
 * commit is not waited for; the bare statement like that; and rate-limiter-flexible, whose windows are fixed, on the same Postgres.
 */
function windowRow(name: string, keys: number): Row {
  return {
    name,
    unit: `acquisitions/s at ${atOnce} in flight`,
    better: 'higher',
    goal: 1.1,
    async open({ url, runtime, organizationId }, form) {
      const acquisitions = form === 'quick' ? 500 : 2_000
      const limiter = createPostgresLimiter({ db: runtime.db, role: 'reelpilot_runtime' })
      const open = (max: number, options = '') => {
        const pool = new pg.Pool({ connectionString: url, max, options })
        pool.on('error', console.error)
        return pool
      }
      // Few connections wait less for one row; more are better for many.
      const strict = open(keys === 1 ? 4 : 10)
      const lax = open(4, '-c synchronous_commit=off')
      const others = open(10)
      await strict.query(
        'create table bench_bucket (key text primary key, tokens float8, at timestamptz) with (fillfactor = 50)',
      )
      const flexible = await openFlexible(others)
      const rateOf = (acquire: (key: string) => Promise<unknown>) => async () => {
        const start = performance.now()
        await inFlight(acquisitions, atOnce, (index) => acquire(`bench ${index % keys}`))
        return acquisitions / ((performance.now() - start) / 1_000)
      }
      const bareIn = (pool: pg.Pool) => (key: string) =>
        pool.query({ name: 'bucket', text: bareBucket, values: [key] })
      return {
        product: rateOf((key) =>
          limiter.acquire({
            organizationId,
            requester: 'bench',
            windowRequests: [{ key, scope: 'organization', window }],
          }),
        ),
        limit: rateOf(bareIn(strict)),
        others: {
          'our buckets': rateOf((key) => limiter.consume({ organizationId, key, bucket, cost: 1 })),
          'limit, commit not waited for': rateOf(bareIn(lax)),
          'rate-limiter-flexible': rateOf((key) => flexible.consume(key)),
        },
        close: async () => void (await Promise.all([strict, lax, others].map((pool) => pool.end()))),
      }
    },
  }
}

function openFlexible(storeClient: pg.Pool): Promise<RateLimiterPostgres> {
  return new Promise((resolve, reject) => {
    const made: RateLimiterPostgres = new RateLimiterPostgres(
      {
        storeClient,
        points: 1_000_000,
        duration: 60,
        tableName: 'bench_flexible',
        clearExpiredByTimeout: false,
      },
      (error?: Error) => (error ? reject(error) : resolve(made)),
    )
  })
}
