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

const harness = await createHarness()

/** TikTok refuses the token, although it is valid. */
const refusesToken = { kind: 'status', status: 401, code: 'access_token_invalid' } as const

describe('a token that expires between upload and poll', () => {
  it('is refreshed once, and polling goes on', async () => {
    const { job, account } = await harness.start()
    await job.advance('watching.accepted')
    await account.advanceClock(3 * 3_600)
    expect(await job.advance()).toBe('published')
    expect(await job.history()).toEqual([
      ...storedStates,
      ...uploadingStates(),
      ...sentStates,
      'watching.backingOff',
      ...publishedStates,
    ])
    expect(account.tiktok.counters()).toMatchObject({ inits: 1, puts: 1, refreshes: 1, refused: {} })
    expect(account.tiktok.posts()).toMatchObject([{ status: 'PUBLISH_COMPLETE' }])
    expect(await job.context()).toMatchObject({
      initAttempts: 1,
      attempts: 0,
      failure: null,
      publicPostIds: account.tiktok.posts()[0]?.postIds,
    })
  })
})

describe('a token that is refused although it should be valid', () => {
  it('is refreshed once, and the poll is repeated', async () => {
    const { job, account } = await harness.start()
    account.tiktok.injectFault({ endpoint: 'statusFetch', effect: refusesToken, nth: 1 })
    expect(await job.advance()).toBe('published')
    expect(await job.history()).toEqual([
      ...storedStates,
      ...uploadingStates(),
      ...sentStates,
      'watching.backingOff',
      ...publishedStates,
    ])
    expect(account.tiktok.counters()).toMatchObject({ inits: 1, puts: 1, refreshes: 1 })
    expect(account.tiktok.posts()).toMatchObject([{ status: 'PUBLISH_COMPLETE' }])
  })

  it('opens no second post when it was refused at the init of the first', async () => {
    const { job, account } = await harness.start()
    account.tiktok.injectFault({ endpoint: 'videoInit', effect: refusesToken, nth: 1 })
    expect(await job.advance()).toBe('published')
    expect(await job.history()).toEqual([
      ...storedStates,
      ...openingStates,
      ...deferredInitStates,
      'publishing.uploading',
      ...sentStates,
      ...publishedStates,
    ])
    expect(account.tiktok.counters()).toMatchObject({ inits: 1, refreshes: 1 })
    expect(account.tiktok.posts()).toMatchObject([{ status: 'PUBLISH_COMPLETE' }])
  })

  it('is not presented again while its refresh is failing', async () => {
    const { job, account } = await harness.start()
    account.tiktok.injectFault({ endpoint: 'creatorInfo', effect: refusesToken, nth: 1 })
    const failing = { kind: 'status', status: 500 } as const
    for (let nth = 1; nth <= 8; nth += 1)
      account.tiktok.injectFault({ endpoint: 'token', effect: failing, nth })
    expect(await job.advance()).toBe('published')
    const tokens = Array(9).fill('oauth/token')
    expect(account.requests.slice(0, 11)).toEqual(['creator_info/query', ...tokens, 'creator_info/query'])
    // The job polls once per attempt of the refresh, not every second.
    const waits = (await job.history()).filter((state) => state === 'publishing.backingOff')
    expect(waits.length).toBeLessThanOrEqual(tokens.length)
    expect(account.tiktok.counters()).toMatchObject({ inits: 1, refreshes: 1 })
  })

  it('needs its creator when the refreshed one is refused too; the job waits and goes on', async () => {
    const { job, account } = await harness.start()
    for (const nth of [1, 2])
      account.tiktok.injectFault({ endpoint: 'creatorInfo', effect: refusesToken, nth })
    expect(await job.advance('waitingForAccount')).toBe('waitingForAccount')
    expect(await job.accountState()).toBe('needsReauthorization')
    expect(await job.context()).toMatchObject({
      failure: { verdict: 'NEEDS_USER', code: 'access_token_invalid' },
      initAttempts: 0,
    })
    expect(account.requests).toEqual(['creator_info/query', 'oauth/token', 'creator_info/query'])

    expect(await account.reconnect()).toMatchObject({ kind: 'connected' })
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
    expect(account.tiktok.counters()).toMatchObject({ inits: 1, puts: 1, refreshes: 1 })
    expect(account.tiktok.posts()).toMatchObject([{ status: 'PUBLISH_COMPLETE' }])
  })

  it('is not presented again when its account already waits for its creator', async () => {
    const { job, account } = await harness.start({ simulatorSettings: { moderationMs: 86_400_000 } })
    await job.advance('watching.inModeration')
    // Another post needs a longer-lived token, and the answer to that refresh is lost.
    await account.advanceClock(3_600)
    account.tiktok.injectFault({ endpoint: 'token', effect: { kind: 'dropAfter' }, nth: 1 })
    const other = await account.start()
    expect(await other.advance('waitingForAccount')).toBe('waitingForAccount')
    expect(await job.accountState()).toBe('needsReauthorization')

    const { polls } = await job.context()
    await job.advance((context) => context.polls > polls)
    expect((await job.history()).at(-1)).toBe('watching.inModeration')

    account.tiktok.injectFault({ endpoint: 'statusFetch', effect: refusesToken, probability: 1, seed: 1 })
    const calls = account.requests.length
    expect(await job.advance('waitingForAccount')).toBe('waitingForAccount')
    expect(account.requests.slice(calls)).toEqual(['status/fetch'])
  })
})
