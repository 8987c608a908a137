import { beforeAll, describe, expect, it } from 'vitest'
import { setRateLimit } from '../../../src/store/rate-limit/settings.ts'
import { createLimitSettingsCache } from '../../../src/tiktok-policy/limit-settings.ts'
import { createHarness } from './harness.ts'
import { deferredInitStates, openingStates, publishedStates, sentStates, storedStates } from './timeline.ts'

const harness = await createHarness()
const { db } = harness.database.runtime
const minuteMs = 60_000

describe('an organization that has used its uploads of the minute', () => {
  beforeAll(() => setRateLimit(db, harness.organizationId, 'uploads', 1))

  it('waits exactly until its reservation, makes no call to TikTok and spends no attempt', async () => {
    const first = await harness.start()
    const second = await harness.start()
    expect(await first.job.advance()).toBe('published')
    const before = harness.clock.now()
    await second.job.advance('publishing.deferred')
    expect(await second.job.context()).toMatchObject({
      attempts: 0,
      initAttempts: 0,
      failure: { verdict: 'RETRY_AFTER', code: 'rateLimit', source: 'reelpilot' },
    })
    expect(second.account.requests).toEqual(['creator_info/query'])

    expect(await second.job.advance()).toBe('published')
    expect(harness.clock.now() - before).toBeGreaterThan(minuteMs / 2)
    expect(harness.clock.now() - before).toBeLessThan(2 * minuteMs)
    expect(await second.job.history()).toEqual([
      ...storedStates,
      ...openingStates,
      ...deferredInitStates,
      'publishing.uploading',
      ...sentStates,
      ...publishedStates,
    ])
    expect(second.account.requests.filter((request) => request === 'creator_info/query')).toHaveLength(1)
  })
})

describe('a creator whose daily cap is lower than documented', () => {
  beforeAll(() => setRateLimit(db, harness.organizationId, 'uploads', null))

  it('is learned from one refusal: the next post is opened when the first is a day old', async () => {
    const { job, account } = await harness.start({ simulatorSettings: { dailyPostCap: 1 } })
    const next = await account.start()
    expect(await job.advance()).toBe('published')
    const firstAt = harness.clock.now()
    await next.advance(({ failure }) => failure?.code === 'spam_risk_too_many_posts')
    const { learnedCaps } = await createLimitSettingsCache(db).read(harness.organizationId)
    expect(learnedCaps.get(account.accountId)).toMatchObject({ maxPosts: 1 })

    // TikTok permits more posts again, but the learned cap still applies for the rest of the day.
    account.tiktok.changeSettings({ dailyPostCap: 15 })
    // The step would be repeated after four hours, and before that the slot is too late.
    expect(await next.advance()).toBe('needsPerson')
    expect(await next.context()).toMatchObject({ failure: { code: 'SLOT_PASSED' } })
    await next.sendEvent({ type: 'retry' })
    await next.advance('publishing.deferred')
    expect(account.tiktok.counters()).toMatchObject({ inits: 1, refused: { spam_risk_too_many_posts: 1 } })
    expect(await next.advance()).toBe('published')
    expect(harness.clock.now() - firstAt).toBeGreaterThanOrEqual(24 * 60 * minuteMs)
  })
})
