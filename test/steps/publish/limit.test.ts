import { beforeAll, describe, expect, it } from 'vitest'
import { setRateLimit } from '../../../src/store/rate-limit/settings.ts'
import { createLimitSettingsCache } from '../../../src/tiktok-policy/limit-settings.ts'
import { createHarness } from './harness.ts'
import { deferredInitStates, openingStates, publishedStates, sentStates, storedStates } from './timeline.ts'

const stage = await createHarness()
const { db } = stage.database.runtime
const minuteMs = 60_000

describe('an organization that has had its uploads of the minute', () => {
  beforeAll(() => setRateLimit(db, stage.organizationId, 'uploads', 1))

  it('waits for its next place and no longer: nothing is asked of TikTok, and no attempt is spent', async () => {
    const first = await stage.start()
    const second = await stage.start()
    expect(await first.job.advance()).toBe('published')
    const before = stage.clock.now()
    await second.job.advance('publishing.deferred')
    expect(await second.job.context()).toMatchObject({
      attempts: 0,
      initAttempts: 0,
      failure: { verdict: 'RETRY_AFTER', code: 'rateLimit', source: 'reelpilot' },
    })
    expect(second.at.requests).toEqual(['creator_info/query'])

    expect(await second.job.advance()).toBe('published')
    expect(stage.clock.now() - before).toBeGreaterThan(minuteMs / 2)
    expect(stage.clock.now() - before).toBeLessThan(2 * minuteMs)
    expect(await second.job.history()).toEqual([
      ...storedStates,
      ...openingStates,
      ...deferredInitStates,
      'publishing.uploading',
      ...sentStates,
      ...publishedStates,
    ])
    expect(second.at.requests.filter((request) => request === 'creator_info/query')).toHaveLength(1)
  })
})

describe('a creator whose cap of a day is lower than it is said to be', () => {
  beforeAll(() => setRateLimit(db, stage.organizationId, 'uploads', null))

  it('teaches it by one refusal: the next post is opened when the first is a day old', async () => {
    const { job, at } = await stage.start({ simulatorSettings: { dailyPostCap: 1 } })
    const next = await at.start()
    expect(await job.advance()).toBe('published')
    const firstAt = stage.clock.now()
    await next.advance(({ failure }) => failure?.code === 'spam_risk_too_many_posts')
    const { learned } = await createLimitSettingsCache(db).read(stage.organizationId)
    expect(learned.get(at.accountId)).toMatchObject({ most: 1 })

    // TikTok lets more pass again, but who has believed it waits for the day to be over.
    at.local.changeSettings({ dailyPostCap: 15 })
    // Four hours later it would be asked again, and long before that the slot's time has passed.
    expect(await next.advance()).toBe('needsPerson')
    expect(await next.context()).toMatchObject({ failure: { code: 'SLOT_PASSED' } })
    await next.send({ type: 'retry' })
    await next.advance('publishing.deferred')
    expect(at.local.counters()).toMatchObject({ inits: 1, refused: { spam_risk_too_many_posts: 1 } })
    expect(await next.advance()).toBe('published')
    expect(stage.clock.now() - firstAt).toBeGreaterThanOrEqual(24 * 60 * minuteMs)
  })
})
