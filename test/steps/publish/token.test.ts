import { describe, expect, it } from 'vitest'
import { createHarness } from './harness.ts'
import {
  deferredInitStates,
  openingStates,
  publishedStates,
  retryStates,
  sentStates,
  storedStates,
  uploadingStates,
} from './timeline.ts'

const stage = await createHarness()

/** As TikTok refuses a token, whatever it thinks of it. */
const refusesToken = { kind: 'status', status: 401, code: 'access_token_invalid' } as const

describe('a token that expires between upload and poll', () => {
  it('is refreshed once, and the poll goes on: one post', async () => {
    const { job, at } = await stage.start()
    await job.advance('watching.accepted')
    await at.pass(3 * 3_600)
    expect(await job.advance()).toBe('published')
    expect(await job.history()).toEqual([
      ...storedStates,
      ...uploadingStates(),
      ...sentStates,
      'watching.backingOff',
      'watching.checking',
      ...publishedStates,
    ])
    expect(at.local.counters()).toMatchObject({ inits: 1, puts: 1, refreshes: 1, refused: {} })
    expect(at.local.posts()).toMatchObject([{ status: 'PUBLISH_COMPLETE' }])
    expect(await job.context()).toMatchObject({
      initAttempts: 1,
      attempts: 0,
      failure: null,
      publicPostIds: at.local.posts()[0]?.postIds,
    })
  })
})

describe('a token that is refused although it should be good', () => {
  it('is refreshed once, and the poll is repeated', async () => {
    const { job, at } = await stage.start()
    at.local.injectFault({ endpoint: 'statusFetch', effect: refusesToken, nth: 1 })
    expect(await job.advance()).toBe('published')
    expect(await job.history()).toEqual([
      ...storedStates,
      ...uploadingStates(),
      ...sentStates,
      'watching.backingOff',
      'watching.checking',
      ...publishedStates,
    ])
    expect(at.local.counters()).toMatchObject({ inits: 1, puts: 1, refreshes: 1 })
    expect(at.local.posts()).toMatchObject([{ status: 'PUBLISH_COMPLETE' }])
  })

  it('opens no second post when it was refused at the opening of the first', async () => {
    const { job, at } = await stage.start()
    at.local.injectFault({ endpoint: 'videoInit', effect: refusesToken, nth: 1 })
    expect(await job.advance()).toBe('published')
    expect(await job.history()).toEqual([
      ...storedStates,
      ...openingStates,
      ...deferredInitStates,
      'publishing.uploading',
      ...sentStates,
      ...publishedStates,
    ])
    expect(at.local.counters()).toMatchObject({ inits: 1, refreshes: 1 })
    expect(at.local.posts()).toMatchObject([{ status: 'PUBLISH_COMPLETE' }])
  })

  it('is not shown again while its refresh is held up', async () => {
    const { job, at } = await stage.start()
    at.local.injectFault({ endpoint: 'creatorInfo', effect: refusesToken, nth: 1 })
    const failing = { kind: 'status', status: 500 } as const
    for (let nth = 1; nth <= 8; nth += 1) at.local.injectFault({ endpoint: 'token', effect: failing, nth })
    expect(await job.advance()).toBe('published')
    const tokens = Array(9).fill('oauth/token')
    expect(at.requests.slice(0, 11)).toEqual(['creator_info/query', ...tokens, 'creator_info/query'])
    // It looks when the next try is over, not every second: minutes of tries take it no more waits than tries.
    const waits = (await job.history()).filter((state) => state === 'publishing.backingOff')
    expect(waits.length).toBeLessThanOrEqual(tokens.length)
    expect(at.local.counters()).toMatchObject({ inits: 1, refreshes: 1 })
  })

  it('needs its creator when the fresh one is refused as well; the job waits for them and goes on', async () => {
    const { job, at } = await stage.start()
    for (const nth of [1, 2]) at.local.injectFault({ endpoint: 'creatorInfo', effect: refusesToken, nth })
    expect(await job.advance('waitingForAccount')).toBe('waitingForAccount')
    expect(await job.account()).toBe('needsReauthorization')
    expect(await job.context()).toMatchObject({
      failure: { verdict: 'NEEDS_USER', code: 'access_token_invalid' },
      initAttempts: 0,
    })
    expect(at.requests).toEqual(['creator_info/query', 'oauth/token', 'creator_info/query'])

    expect(await at.connectAgain()).toMatchObject({ kind: 'connected' })
    expect(await job.advance()).toBe('published')
    expect(await job.history()).toEqual([
      ...storedStates,
      'publishing.preparing',
      ...retryStates,
      'publishing.preparing',
      'waitingForAccount',
      'awaitingSlot',
      ...uploadingStates(),
      ...sentStates,
      ...publishedStates,
    ])
    expect(at.local.counters()).toMatchObject({ inits: 1, puts: 1, refreshes: 1 })
    expect(at.local.posts()).toMatchObject([{ status: 'PUBLISH_COMPLETE' }])
  })

  it('is not shown again either when its account waits for its creator already', async () => {
    const { job, at } = await stage.start({ simulatorSettings: { moderationMs: 86_400_000 } })
    await job.advance('watching.inModeration')
    // Another post needs a token for longer, and the answer to the refresh is lost.
    await at.pass(3_600)
    at.local.injectFault({ endpoint: 'token', effect: { kind: 'dropAfter' }, nth: 1 })
    const other = await at.start()
    expect(await other.advance('waitingForAccount')).toBe('waitingForAccount')
    expect(await job.account()).toBe('needsReauthorization')

    const { polls } = await job.context()
    await job.advance((context) => context.polls > polls)
    expect((await job.history()).at(-1)).toBe('watching.inModeration')

    at.local.injectFault({ endpoint: 'statusFetch', effect: refusesToken, probability: 1, seed: 1 })
    const calls = at.requests.length
    expect(await job.advance('waitingForAccount')).toBe('waitingForAccount')
    expect(at.requests.slice(calls)).toEqual(['status/fetch'])
  })
})
