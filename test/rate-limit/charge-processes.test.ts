import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { expect, it } from 'vitest'
import { createChargeApiKey } from '../../src/rate-limit/charge-api-key.ts'
import { createPostgresLimiter } from '../../src/rate-limit/postgres/postgres-limiter.ts'
import { createOrganization, createTestDatabase } from '../support/database.ts'
import { waitUntil } from '../support/wait.ts'
import type { ChargerSettings } from './charger.ts'

const database = await createTestDatabase()
const program = new URL('./charger.ts', import.meta.url).pathname
const bucket = { capacity: 200, refillPerSecond: 40 }

it('processes that lease points of one key never spend more than its bucket, and a killed one loses only its lease', async () => {
  const organizationId = await createOrganization(database)
  const settings: ChargerSettings = { databaseUrl: database.url, organizationId, bucket }
  const spent: { readonly from: number; readonly until: number }[] = []
  const start = () => {
    const child = spawn(process.execPath, [program, JSON.stringify(settings)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    createInterface({ input: child.stdout }).on('line', (line) => {
      const [from = Number.NaN, until = Number.NaN] = line.split(' ').map(Number)
      spent.push({ from, until })
    })
    return child
  }
  const children = [start(), start(), start()]
  const kill = async (child: ReturnType<typeof start>) => {
    const exit = once(child, 'exit')
    child.kill('SIGKILL')
    await exit
  }
  await waitUntil(
    () => spent.length,
    (count) => count > 250,
  )
  const [first] = children
  if (first) await kill(first)
  const before = spent.length
  await waitUntil(
    () => spent.length - before,
    (count) => count > 60,
  )
  for (const child of children.slice(1)) await kill(child)

  // A point was spent at some moment between `from` and `until`. An interval that surely contains both counts both.
  const sorted = spent.toSorted((a, b) => a.from - b.from)
  for (let first = 0; first < sorted.length; first += 10)
    for (let last = first + bucket.capacity; last < sorted.length; last += 10) {
      const points = sorted.slice(first, last + 1)
      const seconds = (Math.max(...points.map(({ until }) => until)) - (points[0]?.from ?? 0)) / 1_000
      expect(points.length).toBeLessThanOrEqual(bucket.capacity + seconds * bucket.refillPerSecond + 1e-6)
    }

  // Once the bucket has refilled, nothing is missing.
  const limiter = createPostgresLimiter({
    db: database.api.db,
    role: 'reelpilot_api',
    now: () => Date.now() + 60_000,
  })
  const charge = createChargeApiKey(limiter, bucket)
  expect(await charge({ organizationId, keyId: 'key' }, bucket.capacity)).toMatchObject({ allowed: true })
})
