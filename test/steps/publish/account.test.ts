import { describe, expect, it } from 'vitest'
import { createHarness } from './harness.ts'
import { publishedStates, retryStates, storedStates, uploadingStates } from './timeline.ts'

const stage = await createHarness()

/** All is sent, and TikTok tells by itself that the post is complete. */
const heard = ['watching.accepted', 'watching.inModeration']

describe('an account whose creator disconnects before the upload', () => {
  const disconnected = async () => {
    const started = await stage.start({ webhooks: 'heard' })
    const { job, at } = started
    await job.advance('awaitingSlot')
    at.local.disconnect(at.username)
    expect(await job.advance('waitingForAccount')).toBe('waitingForAccount')
    return started
  }

  it('keeps its job waiting, which has not failed and has made no call', async () => {
    const { job, at } = await disconnected()
    expect(await job.account()).toBe('revoked')
    expect(await job.history()).toEqual([...storedStates, 'publishing.preparing', 'waitingForAccount'])
    expect(await job.context()).toMatchObject({
      failure: { verdict: 'NEEDS_USER', code: 'AUTHORIZATION_REMOVED' },
      initAttempts: 0,
      ending: null,
    })
    expect(at.requests).toEqual([])
  })

  it('lets it go on by itself when it is connected again', async () => {
    const { job, at } = await disconnected()
    await at.pass(1_800)
    expect(await at.connectAgain()).toMatchObject({ kind: 'connected' })
    expect(await job.advance()).toBe('published')
    expect(await job.history()).toEqual([
      ...storedStates,
      'publishing.preparing',
      'waitingForAccount',
      'awaitingSlot',
      ...uploadingStates(),
      ...heard,
      ...publishedStates,
    ])
    expect(at.local.posts()).toMatchObject([{ status: 'PUBLISH_COMPLETE' }])
  })

  it('keeps it waiting as well when no webhook has told: TikTok refuses the token, and then its refresh', async () => {
    const { job, at } = await stage.start()
    await job.advance('awaitingSlot')
    at.local.disconnect(at.username)
    expect(await job.advance('waitingForAccount')).toBe('waitingForAccount')
    expect(await job.account()).toBe('needsReauthorization')
    expect(at.requests).toEqual(['creator_info/query', 'oauth/token'])
    await at.connectAgain()
    expect(await job.advance()).toBe('published')
    expect(at.local.counters()).toMatchObject({ inits: 1, puts: 1 })
  })

  it('leaves the post to a person when its time has passed by more than an hour meanwhile', async () => {
    const { job, at } = await disconnected()
    await at.pass(3_700)
    await at.connectAgain()
    expect(await job.advance()).toBe('needsPerson')
    expect(await job.context()).toMatchObject({ failure: { verdict: 'NEEDS_USER', code: 'SLOT_PASSED' } })
    expect(at.local.posts()).toEqual([])
    await job.send({ type: 'retry' })
    expect(await job.advance()).toBe('published')
    expect(at.local.posts()).toMatchObject([{ status: 'PUBLISH_COMPLETE' }])
  })
})

describe('a job whose account is not connected in time', () => {
  it('waits no longer than its slot may be late, and is then left to a person', async () => {
    const { job, at } = await stage.start({ webhooks: 'heard' })
    await job.advance('awaitingSlot')
    const start = stage.clock.now()
    at.local.disconnect(at.username)
    expect(await job.advance()).toBe('needsPerson')
    expect(await job.context()).toMatchObject({ failure: { verdict: 'NEEDS_USER', code: 'SLOT_PASSED' } })
    expect(stage.clock.now() - start).toBeLessThan(62 * 60_000)
    expect(at.local.posts()).toEqual([])
  })

  it('is left to a person as well when its post was sent, and nobody could ask for three days', async () => {
    const { job, at } = await stage.start({ simulatorSettings: { moderationMs: 7 * 86_400_000 } })
    await job.advance('watching.inModeration')
    at.local.disconnect(at.username)
    expect(await job.advance()).toBe('needsPerson')
    expect(await job.context()).toMatchObject({
      failure: { verdict: 'OUTCOME_UNKNOWN', code: 'UNCONFIRMED' },
    })
    expect((await job.history()).filter((state) => state === 'waitingForAccount').length).toBeLessThan(5)
  })
})

describe('an account whose creator disconnects after the last byte', () => {
  it('is still told of its post: public after moderation', async () => {
    const { job, at } = await stage.start({
      webhooks: 'heard',
      simulatorSettings: { moderationMs: 3_600_000 },
    })
    await job.advance('watching.inModeration')
    at.local.disconnect(at.username)
    expect(await job.advance('waitingForAccount')).toBe('waitingForAccount')
    expect(await job.account()).toBe('revoked')
    await at.pass(3_600)
    expect(await job.advance()).toBe('published')
    expect(await job.history()).toEqual([
      ...storedStates,
      ...uploadingStates(),
      ...heard,
      'watching.checking',
      'waitingForAccount',
      ...publishedStates,
    ])
    expect((await job.context()).publicPostIds).toEqual(at.local.posts()[0]?.postIds)
    expect(at.local.posts()).toMatchObject([{ status: 'PUBLISH_COMPLETE' }])
  })

  it('is still told of its post: failed, for TikTok gave it up', async () => {
    const { job, at } = await stage.start({ webhooks: 'heard', simulatorSettings: { processingMs: 600_000 } })
    await job.advance('watching.accepted')
    at.local.disconnect(at.username)
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

  it('has its post asked after when it is connected again and no webhook came', async () => {
    const { job, at } = await stage.start({ simulatorSettings: { moderationMs: 3_600_000 } })
    await job.advance('watching.inModeration')
    at.local.disconnect(at.username)
    expect(await job.advance('waitingForAccount')).toBe('waitingForAccount')
    await at.pass(86_400)
    await at.connectAgain()
    expect(await job.advance()).toBe('published')
    expect(at.local.counters()).toMatchObject({ inits: 1, puts: 1 })
    expect((await job.context()).publicPostIds).toEqual(at.local.posts()[0]?.postIds)
  })
})

describe('an account whose creator disconnects between two chunks', () => {
  it('lets its job open the post anew when it is connected again: the first one ended with the grant', async () => {
    const { job, at } = await stage.start({ webhooks: 'heard', video: { isLarge: true } })
    await job.advance(({ nextChunk }) => nextChunk === 2)
    at.local.disconnect(at.username)
    expect(await job.advance('waitingForAccount')).toBe('waitingForAccount')
    expect(await job.context()).toMatchObject({ failure: { code: 'AUTHORIZATION_REMOVED' }, ending: null })

    await at.connectAgain()
    expect(await job.advance()).toBe('published')
    expect(await job.history()).toEqual([
      ...storedStates,
      ...uploadingStates(3),
      'publishing.reconciling',
      'waitingForAccount',
      'publishing.reconciling',
      ...retryStates,
      ...uploadingStates(6),
      ...heard,
      ...publishedStates,
    ])
    const { media, publicPostIds } = await job.context()
    expect(at.local.posts()).toMatchObject([
      { status: 'FAILED', failReason: 'auth_removed', bytes: 20_000_000 },
      { status: 'PUBLISH_COMPLETE', sha256: media?.sha256, postIds: publicPostIds },
    ])
  })
})
