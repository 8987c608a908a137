import { describe, expect, it } from 'vitest'
import { claimPostOpening } from '../../../src/store/account/post-openings.ts'
import type { DrivenJob } from '../../support/driven-job.ts'
import { createHarness } from './harness.ts'
import { type LocalAccount, latePostGapMs } from './local-account.ts'

const harness = await createHarness()
const { db } = harness.database.runtime
const minuteMs = 60_000

/** Milliseconds from each post's init to the next one. */
function gapsOf({ tiktok }: LocalAccount): readonly number[] {
  const opened = tiktok
    .posts()
    .map(({ at }) => Date.parse(at))
    .sort((one, other) => one - other)
  return opened.slice(1).map((at, index) => at - (opened[index] ?? Number.NaN))
}
/** The steps keep the gap to the millisecond; the requests to TikTok then take different times. */
const minGapMs = latePostGapMs - 10_000

const [second, third] = [1, 2].map((index) => ({ dueInMs: (1 + index) * minuteMs }))

/** Three slots of one account, a minute apart, each with its video stored. */
async function threeSlots() {
  const { job: first, account } = await harness.start()
  const jobs: readonly DrivenJob[] = [first, await account.start(second), await account.start(third)]
  for (const job of jobs) await job.advance('awaitingSlot')
  return { jobs, account }
}

describe('late posts of one account', () => {
  it('are opened one by one with the gap between them, and spend no attempt', async () => {
    const { jobs, account } = await threeSlots()
    await account.advanceClock(30 * 60)
    const [first, next, last] = jobs
    expect(await first?.advance()).toBe('published')
    await next?.advance('publishing.deferred')
    expect(await next?.context()).toMatchObject({
      attempts: 0,
      initAttempts: 0,
      failure: { verdict: 'RETRY_AFTER', code: 'ACCOUNT_GAP', source: 'reelpilot' },
    })
    expect(account.tiktok.counters()).toMatchObject({ inits: 1 })
    expect(await next?.advance()).toBe('published')
    expect(await last?.advance()).toBe('published')
    expect(gapsOf(account)).toHaveLength(2)
    expect(Math.min(...gapsOf(account))).toBeGreaterThan(minGapMs)
    expect(Math.max(...gapsOf(account))).toBeLessThan(latePostGapMs + minuteMs)
  })

  it('need a person after an hour, and keep the gap when all are retried', async () => {
    const { jobs, account } = await threeSlots()
    await account.advanceClock(65 * 60)
    for (const job of jobs) {
      expect(await job.advance()).toBe('needsPerson')
      expect(await job.context()).toMatchObject({ failure: { verdict: 'NEEDS_USER', code: 'SLOT_PASSED' } })
    }
    expect(account.tiktok.posts()).toEqual([])
    for (const job of jobs) await job.sendEvent({ type: 'retry' })
    for (const job of jobs) expect(await job.advance()).toBe('published')
    expect(gapsOf(account)).toHaveLength(2)
    expect(Math.min(...gapsOf(account))).toBeGreaterThan(minGapMs)
  })
})

describe('punctual posts of one account', () => {
  it('are opened on time, however close their slots are', async () => {
    const { jobs, account } = await threeSlots()
    for (const job of jobs) expect(await job.advance()).toBe('published')
    expect((await jobs[1]?.history())?.includes('publishing.deferred')).toBe(false)
    expect(gapsOf(account)).toHaveLength(2)
    expect(Math.max(...gapsOf(account))).toBeLessThan(2 * minuteMs)
  })

  it('make a late post of the account keep the gap', async () => {
    const { job: late, account } = await harness.start()
    const punctual = await account.start({ dueInMs: 4 * minuteMs })
    for (const job of [late, punctual]) await job.advance('awaitingSlot')
    await account.advanceClock(4 * 60 + 1)
    expect(await punctual.advance()).toBe('published')
    expect(await late.advance()).toBe('published')
    expect(gapsOf(account)).toHaveLength(1)
    expect(Math.min(...gapsOf(account))).toBeGreaterThan(minGapMs)
  })
})

describe('the claim to open a late post of an account', () => {
  const claimOpening = (job: DrivenJob, gapMs = latePostGapMs) => claimPostOpening(db, { ...job, gapMs })

  it('is granted to one of several concurrent jobs, and to the same job again', async () => {
    for (let round = 0; round < 10; round += 1) {
      const { jobs } = await threeSlots()
      const kinds = (await Promise.all(jobs.map((job) => claimOpening(job)))).map(({ kind }) => kind)
      expect(kinds.toSorted()).toEqual(['claimed', 'deferred', 'deferred'])
      const repeated = await Promise.all(jobs.map((job) => claimOpening(job)))
      expect(repeated.map(({ kind }) => kind)).toEqual(kinds)
    }
  })

  it('is free after the gap, whether or not the job that took it has posted', async () => {
    const { jobs, account } = await threeSlots()
    const [first, next] = jobs
    if (!first || !next) throw new Error('three jobs were started')
    expect(await claimOpening(first)).toEqual({ kind: 'claimed' })
    await account.advanceClock(latePostGapMs / 1_000 - 60)
    const refused = await claimOpening(next)
    expect(refused).toMatchObject({ kind: 'deferred' })
    expect(refused.kind === 'deferred' && refused.afterMs).toBeLessThanOrEqual(minuteMs)
    await account.advanceClock(60)
    expect(await claimOpening(next)).toEqual({ kind: 'claimed' })
    expect(await claimOpening(first)).toMatchObject({ kind: 'deferred' })
  })

  it('is always free without a gap', async () => {
    const { jobs } = await threeSlots()
    for (const job of jobs) expect(await claimOpening(job, 0)).toEqual({ kind: 'claimed' })
  })
})
