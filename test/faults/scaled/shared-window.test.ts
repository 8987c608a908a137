import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { afterAll, expect, it } from 'vitest'
import type { SlidingWindow } from '../../../src/rate-limit/sliding-window.ts'
import { createOrganization, createTestDatabase } from '../../support/database.ts'
import { startRedis } from '../../support/redis-process.ts'
import { waitUntil } from '../../support/wait.ts'
import { inForm } from './form.ts'
import type { AcquirerSettings, Use } from './shared-window-acquirer.ts'

const database = await createTestDatabase()
const redis = await startRedis()
afterAll(() => redis?.close())

const program = new URL('./shared-window-acquirer.ts', import.meta.url).pathname
const processes = inForm(2, 4)
const acquirers = 8

/** Starts processes with eight acquirers each, all on one window. */
async function startProcesses(more: Pick<AcquirerSettings, 'window' | 'redisUrl'>) {
  const settings: AcquirerSettings = {
    databaseUrl: database.url,
    organizationId: await createOrganization(database),
    acquirers,
    leaseMs: 1_000,
    ...more,
  }
  const uses: Use[] = []
  const children = Array.from({ length: processes }, () => {
    const child = spawn(process.execPath, [program, JSON.stringify(settings)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    createInterface({ input: child.stdout }).on('line', (line) => uses.push(JSON.parse(line)))
    return child
  })
  return {
    uses,
    async stop() {
      const exits = children.map((child) => once(child, 'exit'))
      for (const child of children) child.kill('SIGTERM')
      expect((await Promise.all(exits)).map(([code]) => code)).toEqual(children.map(() => 0))
    },
  }
}

const grantsOfEach = (uses: readonly Use[]) => {
  const counts = [...Map.groupBy(uses, (use) => use.acquirer).values()].map((own) => own.length)
  return counts.length < processes * acquirers ? 0 : Math.min(...counts)
}

function expectNeverOver(uses: readonly Use[], { maxCalls, windowMs }: SlidingWindow): void {
  const times = uses.map(({ at }) => at).sort((a, b) => a - b)
  const spans = times.flatMap((first, index) => {
    const last = times[index + maxCalls]
    return last === undefined ? [] : [last - first]
  })
  expect(spans.length).toBeGreaterThan(0)
  expect(Math.min(...spans)).toBeGreaterThanOrEqual(windowMs)
}

it('processes keep a window in Postgres, and every acquirer is granted calls', async () => {
  const window = { maxCalls: 20, windowMs: 800, marginMs: 800 }
  const running = await startProcesses({ window })
  await waitUntil(
    () => grantsOfEach(running.uses),
    (grants) => grants >= 2,
    40_000,
  )
  await running.stop()
  expectNeverOver(running.uses, window)
}, 180_000)

it('processes keep a window in Redis, while Redis is killed, and after it is back', async ({ skip }) => {
  if (!redis) return skip('needs redis-server')
  // Longer than the detection of either change, so that a forgotten grant would exceed the limit.
  const window = { maxCalls: 40, windowMs: 2_000, marginMs: 600 }
  const running = await startProcesses({ window, redisUrl: redis.url })
  const untilWindowsOf = (store: string, from: number) =>
    waitUntil(
      () => running.uses.slice(from).filter((use) => use.store === store).length,
      (uses) => uses >= window.maxCalls,
      40_000,
    )

  await waitUntil(
    () => grantsOfEach(running.uses),
    (grants) => grants >= 1,
    40_000,
  )
  await redis.kill()
  await untilWindowsOf('memory', running.uses.length)
  await redis.start()
  await untilWindowsOf('redis', running.uses.length)
  await running.stop()
  expectNeverOver(running.uses, window)
}, 180_000)
