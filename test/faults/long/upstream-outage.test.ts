import { describe, expect, it, onTestFinished } from 'vitest'
import { defaultOpenMs, failureThreshold } from '../../../machines/breaker.ts'
import { backoffMs, maxAttempts } from '../../../machines/rules/retry.ts'
import { maxUnits, refillUnitsPerSecond, retryCostUnits } from '../../../machines/rules/retry-budget.ts'
import { forceBreaker } from '../../../src/commands/limits/force-breaker.ts'
import { type Endpoint, endpoints } from '../../../src/simulator/endpoint.ts'
import { rowOf } from '../../circuit-breaker/support.ts'
import { type Fleet, startFleet } from './upstream-outage-fleet.ts'
import { createOutageHarness, type Job, type OutageHarness } from './upstream-outage-harness.ts'

const processes = 4
/** Jobs that a process drives concurrently. */
const atOnce = 3
const minuteMs = 60_000
const some = { accounts: 6, jobsPerAccount: 4, atOnce }

/**
 * The maximum number of calls to a failing host: the failures below the breaker's threshold, the calls in flight when it
 * opened, and one probe per open period.
 */
const maxCallsOfBreaker = (outageMs: number) =>
  failureThreshold - 1 + processes * atOnce + outageMs / defaultOpenMs

/** The maximum number of retries against a failing host: the full budget plus its refill. */
const maxRetriesOfBudget = (outageMs: number) =>
  (maxUnits + (outageMs / 1_000) * refillUnitsPerSecond) / retryCostUnits

/** The retries of the jobs' back-offs alone. Without breaker and budget, 403 were measured in ten minutes. */
function unguarded(jobIds: readonly string[], outageMs: number): number {
  return jobIds.reduce((sum, id) => {
    let [retries, at] = [0, backoffMs(id, 1)]
    while (at < outageMs && retries + 1 < maxAttempts) {
      retries += 1
      at += backoffMs(id, retries + 1)
    }
    return sum + retries
  }, 0)
}

async function start(harness: OutageHarness): Promise<Fleet> {
  const fleet = await startFleet(harness.settings, processes)
  onTestFinished(() => fleet.kill())
  return fleet
}

/** Makes every further call to these endpoints fail with 5xx. */
function breakDown({ local }: OutageHarness, which: readonly Endpoint[]): void {
  for (const endpoint of which) {
    const effect = { kind: 'status', status: endpoint === 'upload' ? 503 : 500 } as const
    local.injectFault({ endpoint, effect, probability: 1, seed: 1 })
  }
}

/** The calls that were answered with 5xx. */
function callsOf({ local }: OutageHarness) {
  const { refused } = local.counters()
  return { upload: refused.http_503 ?? 0, api: refused.internal_error ?? 0 }
}

const attemptsOf = (jobs: readonly Job[]) => jobs.reduce((sum, { attempts }) => sum + attempts, 0)
const allAre = (wanted: string) => (jobs: readonly Job[]) => jobs.every(({ state }) => state === wanted)

/** Ends the outage and expects that every job is published in exactly one post. */
async function expectRecovery(harness: OutageHarness, fleet: Fleet): Promise<void> {
  const { local, jobIds } = harness
  local.clearFaults()
  await harness.live(fleet, harness.now() + 10 * minuteMs, allAre('published'))
  expect((await harness.jobs()).filter(({ state }) => state !== 'published')).toEqual([])
  const whole = local.posts().filter(({ bytes, size }) => bytes === size)
  expect(whole.map(({ status }) => status)).toEqual(jobIds.map(() => 'PUBLISH_COMPLETE'))
  expect(new Set(whole.map(({ title }) => title)).size).toBe(jobIds.length)
}

describe('processes whose TikTok answers 5xx', () => {
  it('make one call per minute for ten minutes and spend no other attempt, also after a restart', async () => {
    const harness = await createOutageHarness({ ...some, tickMs: 4_000 })
    const { database, jobIds } = harness
    const breaker = (key = 'tiktok') => rowOf(database, key)
    const calls = () => callsOf(harness).api
    let fleet = await start(harness)
    await harness.live(fleet, harness.now() + minuteMs, allAre('awaitingSlot'))
    await harness.pass(minuteMs)

    // A sixth of the jobs is watching, a third begins to upload when the upload host fails first, and half made no call yet.
    await fleet.drive({ ids: jobIds.slice(0, 4) })
    const from = harness.now()
    breakDown(harness, ['upload'])
    await fleet.drive({ ids: jobIds.slice(4, 12) })
    breakDown(
      harness,
      endpoints.filter((endpoint) => endpoint !== 'upload'),
    )
    const over = from + 10 * minuteMs
    const isOpen = async (key?: string) => (await breaker(key))?.state === 'open'
    await harness.live(fleet, over, async () => (await isOpen()) && (await isOpen('tiktok-upload')))
    const before = { calls: calls(), jobs: await harness.jobs() }

    // Halfway a probe has just failed, so the breaker stays open for another minute.
    await harness.live(fleet, over - 5 * minuteMs)
    const probes = calls()
    await harness.live(fleet, over, async () => calls() > probes && (await isOpen()))
    const opened = await breaker()
    const beforeCrash = { calls: calls(), jobs: await harness.jobs() }
    await fleet.kill()
    await database.crashAndRestart()
    expect(await breaker()).toEqual(opened)
    expect(await harness.jobs()).toEqual(beforeCrash.jobs)
    fleet = await start(harness)
    const [cooled] = Object.values(opened?.timers ?? {})
    expect(await harness.live(fleet, (cooled?.dueAt ?? 0) - 5_000)).toBeGreaterThan(0)
    expect(attemptsOf(await harness.jobs())).toBe(attemptsOf(beforeCrash.jobs))
    expect(calls()).toBe(beforeCrash.calls)

    await harness.live(fleet, over)
    expect(await isOpen()).toBe(true)
    const outageMs = harness.now() - from
    const { api, upload } = callsOf(harness)
    expect(api).toBeLessThanOrEqual(maxCallsOfBreaker(outageMs))
    expect(upload).toBeLessThanOrEqual(maxCallsOfBreaker(outageMs))
    expect(Math.min(api, upload)).toBeGreaterThanOrEqual(failureThreshold)
    expect(unguarded(jobIds, outageMs)).toBeGreaterThan(5 * (api + upload))
    // While the breaker was open, only the probes have spent attempts.
    const after = await harness.jobs()
    expect(attemptsOf(after) - attemptsOf(before.jobs)).toBe(calls() - before.calls)
    expect(Math.max(...after.map(({ attempts }) => attempts))).toBeLessThan(maxAttempts / 2)
    await expectRecovery(harness, fleet)
  }, 480_000)

  it('keep to the retry budget when the breaker is forced closed', async () => {
    const harness = await createOutageHarness({ ...some, tickMs: 10_000 })
    const { database, jobIds } = harness
    const fleet = await start(harness)
    await harness.live(fleet, harness.now() + minuteMs, allAre('awaitingSlot'))
    await harness.pass(minuteMs)
    const from = harness.now()
    breakDown(harness, endpoints)
    await fleet.drive({ ids: jobIds })
    const closed = {
      key: 'tiktok',
      mode: 'closed',
      reason: 'a drill',
      organizationId: null,
      by: null,
    } as const
    const { db } = database.runtime
    expect(await db.transaction().execute((tx) => forceBreaker(tx, closed))).toMatchObject({ kind: 'done' })

    await harness.live(fleet, from + 5 * minuteMs)
    const outageMs = harness.now() - from
    const { api } = callsOf(harness)
    expect(api).toBeLessThanOrEqual(jobIds.length + maxRetriesOfBudget(outageMs))
    expect(unguarded(jobIds, outageMs)).toBeGreaterThan(maxRetriesOfBudget(outageMs))
    const after = await harness.jobs()
    // A deferral by the budget spends no attempt.
    expect(attemptsOf(after)).toBe(api)
    await expectRecovery(harness, fleet)
  }, 480_000)
})
