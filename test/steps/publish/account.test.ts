import { describe, expect, it } from 'vitest'
import { createHarness } from './harness.ts'
import { publishedStates, retryStates, storedStates, uploadingStates } from './timeline.ts'

const harness = await createHarness()

/** All bytes are sent, and a webhook reports that the post is complete. */
const completedByWebhook = ['watching.accepted', 'watching.inModeration']

describe('an account whose creator disconnects before the upload', () => {
  const disconnected = async () => {
    const started = await harness.start({ webhooks: 'handled' })
    const { job, account } = started
    await job.advance('awaitingSlot')
    account.tiktok.disconnect(account.username)
    expect(await job.advance('waitingForAccount')).toBe('waitingForAccount')
    return started
  }

  it('keeps its job waiting without a failure and without a call', async () => {
    const { job, account } = await disconnected()
    expect(await job.accountState()).toBe('revoked')
    expect(await job.history()).toEqual([...storedStates, 'publishing.preparing', 'waitingForAccount'])
    expect(await job.context()).toMatchObject({
      failure: { verdict: 'NEEDS_USER', code: 'AUTHORIZATION_REMOVED' },
      initAttempts: 0,
      ending: null,
    })
    expect(account.requests).toEqual([])
  })

  it('lets its job go on when it is connected again', async () => {
    const { job, account } = await disconnected()
    await account.advanceClock(1_800)
    expect(await account.reconnect()).toMatchObject({ kind: 'connected' })
    expect(await job.advance()).toBe('published')
    expect(await job.history()).toEqual([
      ...storedStates,
      'publishing.preparing',
      'waitingForAccount',
      'awaitingSlot',
      ...uploadingStates(),
      ...completedByWebhook,
      ...publishedStates,
    ])
    expect(account.tiktok.posts()).toMatchObject([{ status: 'PUBLISH_COMPLETE' }])
  })

  it('keeps its job waiting without a webhook too: TikTok refuses the token and its refresh', async () => {
    const { job, account } = await harness.start()
    await job.advance('awaitingSlot')
    account.tiktok.disconnect(account.username)
    expect(await job.advance('waitingForAccount')).toBe('waitingForAccount')
    expect(await job.accountState()).toBe('needsReauthorization')
    expect(account.requests).toEqual(['creator_info/query', 'oauth/token'])
    await account.reconnect()
    expect(await job.advance()).toBe('published')
    expect(account.tiktok.counters()).toMatchObject({ inits: 1, puts: 1 })
  })

  it('leaves the post to a person when it is connected again more than an hour late', async () => {
    const { job, account } = await disconnected()
    await account.advanceClock(3_700)
    await account.reconnect()
    expect(await job.advance()).toBe('needsPerson')
    expect(await job.context()).toMatchObject({ failure: { verdict: 'NEEDS_USER', code: 'SLOT_PASSED' } })
    expect(account.tiktok.posts()).toEqual([])
    await job.sendEvent({ type: 'retry' })
    expect(await job.advance()).toBe('published')
    expect(account.tiktok.posts()).toMatchObject([{ status: 'PUBLISH_COMPLETE' }])
  })
})

describe('a job whose account is not connected in time', () => {
  it('needs a person once its slot is too late', async () => {
    const { job, account } = await harness.start({ webhooks: 'handled' })
    await job.advance('awaitingSlot')
    const start = harness.clock.now()
    account.tiktok.disconnect(account.username)
    expect(await job.advance()).toBe('needsPerson')
    expect(await job.context()).toMatchObject({ failure: { verdict: 'NEEDS_USER', code: 'SLOT_PASSED' } })
    expect(harness.clock.now() - start).toBeLessThan(62 * 60_000)
    expect(account.tiktok.posts()).toEqual([])
  })

  it('needs a person when its post was sent and could not be polled for three days', async () => {
    const { job, account } = await harness.start({ simulatorSettings: { moderationMs: 7 * 86_400_000 } })
    await job.advance('watching.inModeration')
    account.tiktok.disconnect(account.username)
    expect(await job.advance()).toBe('needsPerson')
    expect(await job.context()).toMatchObject({
      failure: { verdict: 'OUTCOME_UNKNOWN', code: 'UNCONFIRMED' },
    })
    expect((await job.history()).filter((state) => state === 'waitingForAccount').length).toBeLessThan(5)
  })
})

describe('an account whose creator disconnects after the last byte', () => {
  it('still learns that its post is public after moderation', async () => {
    const { job, account } = await harness.start({
      webhooks: 'handled',
      simulatorSettings: { moderationMs: 3_600_000 },
    })
    await job.advance('watching.inModeration')
    account.tiktok.disconnect(account.username)
    expect(await job.advance('waitingForAccount')).toBe('waitingForAccount')
    expect(await job.accountState()).toBe('revoked')
    await account.advanceClock(3_600)
    expect(await job.advance()).toBe('published')
    expect(await job.history()).toEqual([
      ...storedStates,
      ...uploadingStates(),
      ...completedByWebhook,
      'waitingForAccount',
      ...publishedStates,
    ])
    expect((await job.context()).publicPostIds).toEqual(account.tiktok.posts()[0]?.postIds)
    expect(account.tiktok.posts()).toMatchObject([{ status: 'PUBLISH_COMPLETE' }])
  })

  it('still learns that its post failed', async () => {
    const { job, account } = await harness.start({
      webhooks: 'handled',
      simulatorSettings: { processingMs: 600_000 },
    })
    await job.advance('watching.accepted')
    account.tiktok.disconnect(account.username)
    expect(await job.advance()).toBe('failed')
    expect(await job.history()).toEqual([
      ...storedStates,
      ...uploadingStates(),
      'watching.accepted',
      'closing',
      'failed',
    ])
    expect(await job.context()).toMatchObject({
      failure: { verdict: 'NEEDS_USER', code: 'auth_removed', source: 'post' },
      initAttempts: 1,
    })
  })

  it('has its post polled when it is connected again and no webhook came', async () => {
    const { job, account } = await harness.start({ simulatorSettings: { moderationMs: 3_600_000 } })
    await job.advance('watching.inModeration')
    account.tiktok.disconnect(account.username)
    expect(await job.advance('waitingForAccount')).toBe('waitingForAccount')
    await account.advanceClock(86_400)
    await account.reconnect()
    expect(await job.advance()).toBe('published')
    expect(account.tiktok.counters()).toMatchObject({ inits: 1, puts: 1 })
    expect((await job.context()).publicPostIds).toEqual(account.tiktok.posts()[0]?.postIds)
  })
})

describe('an account whose creator disconnects between two chunks', () => {
  it('lets its job open another post when it is connected again, because the first ended with the grant', async () => {
    const { job, account } = await harness.start({ webhooks: 'handled', video: { isLarge: true } })
    await job.advance(({ nextChunk }) => nextChunk === 2)
    account.tiktok.disconnect(account.username)
    expect(await job.advance('waitingForAccount')).toBe('waitingForAccount')
    expect(await job.context()).toMatchObject({ failure: { code: 'AUTHORIZATION_REMOVED' }, ending: null })

    await account.reconnect()
    expect(await job.advance()).toBe('published')
    expect(await job.history()).toEqual([
      ...storedStates,
      ...uploadingStates(3),
      'publishing.reconciling',
      'waitingForAccount',
      'publishing.reconciling',
      ...retryStates,
      ...uploadingStates(6),
      ...completedByWebhook,
      ...publishedStates,
    ])
    const { media, publicPostIds } = await job.context()
    expect(account.tiktok.posts()).toMatchObject([
      { status: 'FAILED', failReason: 'auth_removed', bytes: 20_000_000 },
      { status: 'PUBLISH_COMPLETE', sha256: media?.sha256, postIds: publicPostIds },
    ])
  })
})
