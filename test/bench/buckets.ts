import pg from 'pg'
import { RateLimiterPostgres } from 'rate-limiter-flexible'
import { createPostgresLimiter } from '../../src/rate-limit/postgres/postgres-limiter.ts'
import { type BenchDatabase, inFlight, median, medianAndRange, round } from './bench-database.ts'

const atOnce = 32
const acquisitions = 2_000
const rounds = 5
const window = { maxCalls: 1_000_000, windowMs: 60_000, marginMs: 5_000 }
const bucket = { capacity: 1_000_000, refillPerSecond: 1_000_000 }

/** The simplest shared token bucket: one row, one statement. */
const bareBucket = `
  insert into bench_bucket as b (key, tokens, at) values ($1, 999999, clock_timestamp())
  on conflict (key) do update
     set tokens = least(1e6, b.tokens + extract(epoch from clock_timestamp() - b.at) * 1e6) - 1, at = clock_timestamp()
   where least(1e6, b.tokens + extract(epoch from clock_timestamp() - b.at) * 1e6) >= 1
  returning tokens`

/**
 * Acquisitions per second on one contended key and on 1,000 keys, 32 in flight: our exact sliding windows and our token
 * buckets, beside one statement by bare pg (with a durable commit, and without, as our buckets have it) and beside
 * rate-limiter-flexible, whose windows are fixed, on the same Postgres.
 */
export async function benchBuckets(database: BenchDatabase): Promise<string[]> {
  const limiter = createPostgresLimiter({ db: database.runtime.db, role: 'reelpilot_runtime' })
  const open = (max: number, options = '') => {
    const pool = new pg.Pool({ connectionString: database.url, max, options })
    pool.on('error', console.error)
    return pool
  }
  // Fewer connections wait less for one row; more are better for many.
  const pools = { few: open(4), many: open(10), lax: open(4, '-c synchronous_commit=off') }
  await pools.few.query(
    'create table bench_bucket (key text primary key, tokens float8, at timestamptz) with (fillfactor = 50)',
  )
  const flexible = await new Promise<RateLimiterPostgres>((resolve, reject) => {
    const made: RateLimiterPostgres = new RateLimiterPostgres(
      {
        storeClient: pools.many,
        points: 1_000_000,
        duration: 60,
        tableName: 'bench_flexible',
        clearExpiredByTimeout: false,
      },
      (error?: Error) => (error ? reject(error) : resolve(made)),
    )
  })
  const { organizationId } = database
  const contenders = {
    windows: (key: string) =>
      limiter.acquire({
        organizationId,
        requester: 'bench',
        windowRequests: [{ key, scope: 'organization', window }],
      }),
    buckets: (key: string) => limiter.consume({ organizationId, key, bucket, cost: 1 }),
    bareFew: (key: string) => pools.few.query({ name: 'bucket', text: bareBucket, values: [key] }),
    bareMany: (key: string) => pools.many.query({ name: 'bucket', text: bareBucket, values: [key] }),
    bareLax: (key: string) => pools.lax.query({ name: 'bucket', text: bareBucket, values: [key] }),
    flexible: (key: string) => flexible.consume(key),
  }
  type Contender = keyof typeof contenders
  const names = Object.keys(contenders) as Contender[]

  const lines: string[] = []
  for (const keys of [1, 1_000]) {
    const rates = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<
      Contender,
      number[]
    >
    for (let index = 0; index <= rounds; index += 1) {
      // The contenders take turns in every round, so that a noisy neighbour hits all of them.
      for (const name of names) {
        const rate = await rateOf((index) => contenders[name](`bench ${index % keys}`))
        if (index > 0) rates[name].push(rate) // The first is warm-up.
      }
    }
    const bare = median(rates.bareFew) > median(rates.bareMany) ? rates.bareFew : rates.bareMany
    const ratio = (ours: readonly number[], other: readonly number[]) => round(median(ours) / median(other))
    lines.push(
      `acquisitions/s, ${keys === 1 ? 'one hot key ' : `${keys} keys   `} windows     ${medianAndRange(rates.windows)}   ratio ${ratio(rates.windows, bare)} (aim: above 1)`,
      `                             buckets     ${medianAndRange(rates.buckets)}   ratio ${ratio(rates.buckets, rates.bareLax)} (aim: above 0.5)`,
      `  bare pg, one statement, pool of ${bare === rates.bareFew ? '4 ' : '10'}       ${medianAndRange(bare)}`,
      `  the same, commit not waited for        ${medianAndRange(rates.bareLax)}`,
      `  rate-limiter-flexible, pool of 10      ${medianAndRange(rates.flexible)}   windows are ${ratio(rates.windows, rates.flexible)} times that`,
    )
  }
  await Promise.all(Object.values(pools).map((pool) => pool.end()))
  return lines
}

async function rateOf(acquire: (index: number) => Promise<unknown>): Promise<number> {
  const start = performance.now()
  await inFlight(acquisitions, atOnce, acquire)
  return acquisitions / ((performance.now() - start) / 1_000)
}
