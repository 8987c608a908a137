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

const stage = await createHarness()

function stepAfter(failure: Failure | null): string {
  if (!failure) throw new Error('nothing has failed')
  return nextStepFor(failure)
}

describe('a creator who has posted as much as TikTok allows a day', () => {
  it('is told with status 200, which stops the job: no init, no attempt spent, and when its time has passed a person decides', async () => {
    const { job, at } = await stage.start({
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
    expect(stepAfter(context.failure)).toContain('within 24 hours')
    expect(at.requests).toEqual(['creator_info/query'])

    const start = stage.clock.now()
    expect(await job.advance()).toBe('needsPerson')
    expect(await job.context()).toMatchObject({ failure: { verdict: 'NEEDS_USER', code: 'SLOT_PASSED' } })
    expect(stage.clock.now() - start).toBeLessThan(62 * 60_000)
    await job.send({ type: 'retry' })
    at.local.changeSettings({ dailyPostCap: 15 })
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
    expect(at.local.counters()).toMatchObject({ inits: 1, refused: { spam_risk_too_many_posts: 1 } })
  })

  it('is asked again a few times a day and no more, however long the cap holds', async () => {
    const { job, at } = await stage.start({ simulatorSettings: { dailyPostCap: 0 } })
    // A person has said that it shall be posted however late it is.
    await job.advance()
    await job.send({ type: 'retry' })
    const start = stage.clock.now()
    await job.advance(() => stage.clock.now() > start + 24 * 3_600_000)
    const asked = at.requests.filter((request) => request === 'creator_info/query').length
    expect(asked).toBeGreaterThanOrEqual(4)
    expect(asked).toBeLessThanOrEqual(7)
    expect(await job.context()).toMatchObject({ attempts: 0, initAttempts: 0, ending: null })
    expect(at.local.posts()).toEqual([])
  })
})

describe('an app that was not audited', () => {
  const unaudited = { simulatorSettings: { audited: false }, slot: { privacy: 'SELF_ONLY' } } as const

  it('cannot post to a public account, and the hint is about the account, not the post', async () => {
    const { job, at } = await stage.start(unaudited)
    expect(await job.advance()).toBe('needsPerson')
    expect(await job.history()).toEqual([...storedStates, ...openingStates, 'needsPerson'])
    const { failure, post } = await job.context()
    expect(failure).toMatchObject({
      verdict: 'NEEDS_OPERATOR',
      code: 'unaudited_client_can_only_post_to_private_accounts',
    })
    expect(stepAfter(failure)).toContain('makes the account itself private')
    expect(stepAfter(failure)).toContain('changing the post alone does not help')
    expect(post).toBeNull()
    expect(at.requests).toEqual(['creator_info/query', 'video/init'])
    expect(at.local.counters()).toMatchObject({ inits: 0 })
  })

  it('posts when the creator has made the account private and a person retries', async () => {
    const { job, at } = await stage.start(unaudited)
    await job.advance()
    at.local.createAccount({ username: at.username, private: true })
    await job.send({ type: 'retry' })
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
    expect(at.local.posts()).toMatchObject([{ status: 'PUBLISH_COMPLETE', privacyLevel: 'SELF_ONLY' }])
  })
})

describe('a creator who does not offer the chosen privacy any more', () => {
  it('stops the job before the init', async () => {
    const { job, at } = await stage.start({ creator: { private: true } })
    expect(await job.advance()).toBe('needsPerson')
    expect(await job.context()).toMatchObject({ failure: { code: 'POST_PRIVACYLEVEL' }, initAttempts: 0 })
    expect(at.requests).toEqual(['creator_info/query'])
  })

  it('is told with every other rule that the post breaks, all at once', async () => {
    const { job } = await stage.start({ creator: { private: true }, slot: { allowDuet: true } })
    expect(await job.advance()).toBe('needsPerson')
    const { failure } = await job.context()
    expect(failure).toMatchObject({ verdict: 'NEEDS_USER', code: 'POST_PRIVACYLEVEL' })
    expect(failure?.message).toContain('The privacy level PUBLIC_TO_EVERYONE is not offered by this creator')
    expect(failure?.message).toContain('Duets cannot be allowed: this creator has turned duets off.')
  })
})

describe('the label of what AI has made', () => {
  it.each([true, false])('is put on a post, or not, as its slot says: %s', async (isAigc) => {
    const { job, at } = await stage.start({ slot: { isAigc } })
    expect(await job.advance()).toBe('published')
    expect(at.local.posts()).toMatchObject([{ isAigc }])
  })
})

describe('a minute that is full', () => {
  it('parks an init, which was turned away unread, and spends no attempt', async () => {
    const { job, at } = await stage.start({ simulatorSettings: { limits: { videoInit: 0 } } })
    await job.advance('publishing.deferred')
    const { attempts, afterSeconds, failure } = await job.context()
    expect({ attempts, afterSeconds }).toEqual({ attempts: 0, afterSeconds: 60 })
    expect(failure).toMatchObject({ verdict: 'RETRY_AFTER', code: 'rate_limit_exceeded' })
    at.local.changeSettings({ limits: {} })
    expect(await job.advance()).toBe('published')
    expect(await job.history()).toEqual([
      ...storedStates,
      ...openingStates,
      ...deferredInitStates,
      'publishing.uploading',
      ...sentStates,
      ...publishedStates,
    ])
    expect(at.local.counters()).toMatchObject({ inits: 1 })
  })
})
