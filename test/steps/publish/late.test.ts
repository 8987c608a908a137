import { describe, expect, it } from 'vitest'
import { takePostTurn } from '../../../src/store/account/post-turns.ts'
import type { RehearsedJob } from '../../support/rehearsed-job.ts'
import { createHarness } from './harness.ts'
import { type LocalAccount, latePostGapMs } from './local-account.ts'

const stage = await createHarness()
const { db } = stage.database.runtime
const minuteMs = 60_000

/** From each post that TikTok was asked to open to the next one, in milliseconds. */
function gapsOf({ local }: LocalAccount): readonly number[] {
  const opened = local
    .posts()
    .map(({ at }) => Date.parse(at))
    .sort((one, other) => one - other)
  return opened.slice(1).map((at, index) => at - (opened[index] ?? Number.NaN))
}
/** The turns are kept apart to the millisecond; the ways from them to TikTok are not equally long. */
const leastGapMs = latePostGapMs - 10_000

const [second, third] = [1, 2].map((index) => ({ dueInMs: (1 + index) * minuteMs }))

/** Three slots of one account, a minute apart, each with its video made. */
async function threeSlots() {
  const { job: first, at } = await stage.start()
  const jobs: readonly RehearsedJob[] = [first, await at.start(second), await at.start(third)]
  for (const job of jobs) await job.advance('awaitingSlot')
  return { jobs, at }
}

describe('posts of one account that everything was down for', () => {
  it('go out one by one, the gap apart, and spend no attempt', async () => {
    const { jobs, at } = await threeSlots()
    await at.pass(30 * 60)
    const [first, next, last] = jobs
    expect(await first?.advance()).toBe('published')
    await next?.advance('publishing.deferred')
    expect(await next?.context()).toMatchObject({
      attempts: 0,
      initAttempts: 0,
      failure: { verdict: 'RETRY_AFTER', code: 'ACCOUNT_GAP', source: 'reelpilot' },
    })
    expect(at.local.counters()).toMatchObject({ inits: 1 })
    expect(await next?.advance()).toBe('published')
    expect(await last?.advance()).toBe('published')
    expect(gapsOf(at)).toHaveLength(2)
    expect(Math.min(...gapsOf(at))).toBeGreaterThan(leastGapMs)
    expect(Math.max(...gapsOf(at))).toBeLessThan(latePostGapMs + minuteMs)
  })

  it('are left to a person after an hour; whoever retries them all still has them posted the gap apart', async () => {
    const { jobs, at } = await threeSlots()
    await at.pass(65 * 60)
    for (const job of jobs) {
      expect(await job.advance()).toBe('needsPerson')
      expect(await job.context()).toMatchObject({ failure: { verdict: 'NEEDS_USER', code: 'SLOT_PASSED' } })
    }
    expect(at.local.posts()).toEqual([])
    for (const job of jobs) await job.send({ type: 'retry' })
    for (const job of jobs) expect(await job.advance()).toBe('published')
    expect(gapsOf(at)).toHaveLength(2)
    expect(Math.min(...gapsOf(at))).toBeGreaterThan(leastGapMs)
  })
})

describe('posts of one account that are on time', () => {
  it('are not kept apart, however close their slots are', async () => {
    const { jobs, at } = await threeSlots()
    for (const job of jobs) expect(await job.advance()).toBe('published')
    expect((await jobs[1]?.history())?.includes('publishing.deferred')).toBe(false)
    expect(gapsOf(at)).toHaveLength(2)
    expect(Math.max(...gapsOf(at))).toBeLessThan(2 * minuteMs)
  })

  it('are kept to by a late one of the same account', async () => {
    const { job: late, at } = await stage.start()
    const punctual = await at.start({ dueInMs: 4 * minuteMs })
    for (const job of [late, punctual]) await job.advance('awaitingSlot')
    await at.pass(4 * 60 + 1)
    expect(await punctual.advance()).toBe('published')
    expect(await late.advance()).toBe('published')
    expect(gapsOf(at)).toHaveLength(1)
    expect(Math.min(...gapsOf(at))).toBeGreaterThan(leastGapMs)
  })
})

describe('the turn of an account', () => {
  const turnOf = (job: RehearsedJob, gapMs = latePostGapMs) => takePostTurn(db, { ...job, gapMs })

  it('is taken by one of several that ask at once, and by that one again', async () => {
    for (let round = 0; round < 10; round += 1) {
      const { jobs } = await threeSlots()
      const kinds = (await Promise.all(jobs.map((job) => turnOf(job)))).map(({ kind }) => kind)
      expect(kinds.toSorted()).toEqual(['later', 'later', 'taken'])
      const again = await Promise.all(jobs.map((job) => turnOf(job)))
      expect(again.map(({ kind }) => kind)).toEqual(kinds)
    }
  })

  it('is the next one after the gap, whether or not who took it has posted', async () => {
    const { jobs, at } = await threeSlots()
    const [first, next] = jobs
    if (!first || !next) throw new Error('there are three')
    expect(await turnOf(first)).toEqual({ kind: 'taken' })
    await at.pass(latePostGapMs / 1_000 - 60)
    const told = await turnOf(next)
    expect(told).toMatchObject({ kind: 'later' })
    expect(told.kind === 'later' && told.afterMs).toBeLessThanOrEqual(minuteMs)
    await at.pass(60)
    expect(await turnOf(next)).toEqual({ kind: 'taken' })
    expect(await turnOf(first)).toMatchObject({ kind: 'later' })
  })

  it('is free to all where no gap is kept', async () => {
    const { jobs } = await threeSlots()
    for (const job of jobs) expect(await turnOf(job, 0)).toEqual({ kind: 'taken' })
  })
})
