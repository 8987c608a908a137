import { describe, expect, it } from 'vitest'
import type { Failure } from '../../../machines/rules/failure.ts'
import { nextStepFor } from '../../../src/verdict/failure-verdict.ts'
import { createHarness } from './harness.ts'
import {
  deferredInitStates,
  openingStates,
  publishedStates,
  sentStates,
  storedStates,
  uploadingStates,
} from './timeline.ts'

const harness = await createHarness()

function requireNextStep(failure: Failure | null): string {
  if (!failure) throw new Error('the job has no failure')
  return nextStepFor(failure)
}

describe('a creator who has reached TikTok’s daily cap', () => {
  it('stops the job before the init without spending an attempt, and needs a person when the slot is too late', async () => {
    const { job, account } = await harness.start({
      simulatorSettings: { dailyPostCap: 0, accessTtlSeconds: 86_400 },
    })
    expect(await job.advance('publishing.backingOff')).toBe('publishing.backingOff')
    expect(await job.history()).toEqual([...storedStates, 'publishing.preparing', 'publishing.backingOff'])
    const context = await job.context()
    expect(context).toMatchObject({
      failure: { verdict: 'WAIT_CAP', code: 'spam_risk_too_many_posts', source: 'api' },
      attempts: 0,
      initAttempts: 0,
    })
    expect(context.failure?.logId).toMatch(/^\d{14}[0-9A-F]{20}$/)
    expect(requireNextStep(context.failure)).toContain('within 24 hours')
    expect(account.requests).toEqual(['creator_info/query'])

    const start = harness.clock.now()
    expect(await job.advance()).toBe('needsPerson')
    expect(await job.context()).toMatchObject({ failure: { verdict: 'NEEDS_USER', code: 'SLOT_PASSED' } })
    expect(harness.clock.now() - start).toBeLessThan(62 * 60_000)
    await job.sendEvent({ type: 'retry' })
    account.tiktok.changeSettings({ dailyPostCap: 15 })
    expect(await job.advance()).toBe('published')
    expect(await job.history()).toEqual([
      ...storedStates,
      'publishing.preparing',
      'publishing.backingOff',
      'needsPerson',
      'awaitingSlot',
      ...uploadingStates(),
      ...sentStates,
      ...publishedStates,
    ])
    expect(account.tiktok.counters()).toMatchObject({ inits: 1, refused: { spam_risk_too_many_posts: 1 } })
  })

  it('has the cap checked a few times a day, however long it lasts', async () => {
    const { job, account } = await harness.start({ simulatorSettings: { dailyPostCap: 0 } })
    // A person's retry permits posting however late it is.
    await job.advance()
    await job.sendEvent({ type: 'retry' })
    const start = harness.clock.now()
    await job.advance(() => harness.clock.now() > start + 24 * 3_600_000)
    const checks = account.requests.filter((request) => request === 'creator_info/query').length
    expect(checks).toBeGreaterThanOrEqual(4)
    expect(checks).toBeLessThanOrEqual(7)
    expect(await job.context()).toMatchObject({ attempts: 0, initAttempts: 0, ending: null })
    expect(account.tiktok.posts()).toEqual([])
  })
})

describe('an app that was not audited', () => {
  const unaudited = { simulatorSettings: { audited: false }, slot: { privacy: 'SELF_ONLY' } } as const

  it('cannot post to a public account, and the next step concerns the account, not the post', async () => {
    const { job, account } = await harness.start(unaudited)
    expect(await job.advance()).toBe('needsPerson')
    expect(await job.history()).toEqual([...storedStates, ...openingStates, 'needsPerson'])
    const { failure, post } = await job.context()
    expect(failure).toMatchObject({
      verdict: 'NEEDS_OPERATOR',
      code: 'unaudited_client_can_only_post_to_private_accounts',
    })
    expect(requireNextStep(failure)).toContain('makes the account itself private')
    expect(requireNextStep(failure)).toContain('changing the post alone does not help')
    expect(post).toBeNull()
    expect(account.requests).toEqual(['creator_info/query', 'video/init'])
    expect(account.tiktok.counters()).toMatchObject({ inits: 0 })
  })

  it('posts once the creator has made the account private and a person retries', async () => {
    const { job, account } = await harness.start(unaudited)
    await job.advance()
    account.tiktok.createAccount({ username: account.username, private: true })
    await job.sendEvent({ type: 'retry' })
    expect(await job.advance()).toBe('published')
    expect(await job.history()).toEqual([
      ...storedStates,
      ...openingStates,
      'needsPerson',
      'awaitingSlot',
      ...uploadingStates(),
      ...sentStates,
      ...publishedStates,
    ])
    expect(await job.context()).toMatchObject({ visibility: 'private', publicPostIds: [], failure: null })
    expect(account.tiktok.posts()).toMatchObject([{ status: 'PUBLISH_COMPLETE', privacyLevel: 'SELF_ONLY' }])
  })
})

describe('a creator who no longer offers the chosen privacy', () => {
  it('stops the job before the init', async () => {
    const { job, account } = await harness.start({ creator: { private: true } })
    expect(await job.advance()).toBe('needsPerson')
    expect(await job.context()).toMatchObject({ failure: { code: 'POST_PRIVACYLEVEL' }, initAttempts: 0 })
    expect(account.requests).toEqual(['creator_info/query'])
  })

  it('gives a failure that names every rule that the post breaks', async () => {
    const { job } = await harness.start({ creator: { private: true }, slot: { allowDuet: true } })
    expect(await job.advance()).toBe('needsPerson')
    const { failure } = await job.context()
    expect(failure).toMatchObject({ verdict: 'NEEDS_USER', code: 'POST_PRIVACYLEVEL' })
    expect(failure?.message).toContain('The privacy level PUBLIC_TO_EVERYONE is not offered by this creator')
    expect(failure?.message).toContain('Duets cannot be allowed: this creator has turned duets off.')
  })
})

describe('the AI-generated label', () => {
  it.each([true, false])('of a post follows its slot: %s', async (isAigc) => {
    const { job, account } = await harness.start({ slot: { isAigc } })
    expect(await job.advance()).toBe('published')
    expect(account.tiktok.posts()).toMatchObject([{ isAigc }])
  })
})

describe('the cover of a post', () => {
  it.each([
    ['that its slot names', { coverTimestampMs: 700 }, 700],
    ['is the first frame whose caption is complete by default', {}, 300],
  ])('%s', async (_which, slot, coverTimestampMs) => {
    const { job, account } = await harness.start({ slot })
    expect(await job.advance()).toBe('published')
    expect(account.tiktok.posts()).toMatchObject([{ coverTimestampMs }])
  })
})

describe('a full rate limit window', () => {
  it('defers an init and spends no attempt', async () => {
    const { job, account } = await harness.start({ simulatorSettings: { limits: { videoInit: 0 } } })
    await job.advance('publishing.deferred')
    const { attempts, afterSeconds, failure } = await job.context()
    expect({ attempts, afterSeconds }).toEqual({ attempts: 0, afterSeconds: 60 })
    expect(failure).toMatchObject({ verdict: 'RETRY_AFTER', code: 'rate_limit_exceeded' })
    account.tiktok.changeSettings({ limits: {} })
    expect(await job.advance()).toBe('published')
    expect(await job.history()).toEqual([
      ...storedStates,
      ...openingStates,
      ...deferredInitStates,
      'publishing.uploading',
      ...sentStates,
      ...publishedStates,
    ])
    expect(account.tiktok.counters()).toMatchObject({ inits: 1 })
  })
})
