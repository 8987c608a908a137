import { setTimeout as sleep } from 'node:timers/promises'
import type { SlidingWindow } from '../../../src/rate-limit/sliding-window.ts'
import { startLimiter } from '../../../src/rate-limit/start-limiter.ts'
import { Secret } from '../../../src/secret.ts'
import { connect } from '../../../src/store/database.ts'

export interface AcquirerSettings {
  readonly databaseUrl: string
  readonly redisUrl?: string
  readonly leaseMs: number
  readonly organizationId: string
  readonly window: SlidingWindow
  readonly acquirers: number
}

/** A granted call. `at` is in milliseconds of the monotonic clock that all processes of a machine share. */
export interface Use {
  readonly acquirer: string
  readonly at: number
  readonly store: string
}

/** One process of several. Its acquirers request calls in a loop and print the time of each granted one. */
const settings: AcquirerSettings = JSON.parse(process.argv[2] ?? '')
const { organizationId, window } = settings
const runtime = connect(settings.databaseUrl, 'reelpilot_runtime', {
  max: 4,
  name: 'test acquirer',
  onError: () => undefined,
})
const limiter = await startLimiter({
  db: runtime.db,
  role: 'reelpilot_runtime',
  ...(settings.redisUrl && { redisUrl: new Secret(settings.redisUrl) }),
  onError: () => undefined,
  leaseMs: settings.leaseMs,
})
let stopped = false
process.on('SIGTERM', () => {
  stopped = true
})

const windowRequests = [{ key: 'contended', scope: 'organization' as const, window }]
await Promise.all(
  Array.from({ length: settings.acquirers }, async (_, index) => {
    const acquirer = `${process.pid} ${index}`
    while (!stopped) {
      const startedAt = performance.now()
      const grant = await limiter.acquire({ organizationId, requester: acquirer, windowRequests })
      if (grant.kind === 'deferred') {
        await sleep(Math.min(grant.afterMs, 2_000))
        continue
      }
      const { store } = limiter.health()
      // Late on purpose, to use the margin.
      await sleep(Math.random() * grant.usableForMs * 0.8)
      if (performance.now() - startedAt > grant.usableForMs) continue
      const use: Use = { acquirer, at: Number(process.hrtime.bigint() / 1_000n) / 1_000, store }
      process.stdout.write(`${JSON.stringify(use)}\n`)
    }
  }),
)
await limiter.stop()
await runtime.close()
