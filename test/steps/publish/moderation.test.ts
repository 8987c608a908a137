import { describe, expect, it } from 'vitest'
import { asker, createKey, createTestApi, globalId } from '../../graphql/support.ts'
import { createHarness } from './harness.ts'

const stage = await createHarness()
const hour = 3_600

/** From the stored video to the last byte. */
const posting = [
  'checkingMedia',
  'awaitingSlot',
  'publishing.preparing',
  'publishing.initialising',
  'publishing.uploading',
  'watching.accepted',
]

describe('five hours of moderation', () => {
  const moderated = async () => {
    const postId = '7312345678901234567'
    const started = await stage.start({
      simulatorSettings: { moderationMs: 5 * hour * 1_000, nextPostIds: [postId] },
    })
    await started.job.advance()
    return { ...started, postId }
  }

  it('end in a published post and never in failed, though the token ran out twice', async () => {
    const { job, at, postId } = await moderated()
    const history = await job.history()
    const end = ['watching.checking', 'closing', 'published']
    expect(history.slice(0, posting.length)).toEqual(posting)
    expect(history.slice(-end.length)).toEqual(end)
    expect(new Set(history.slice(posting.length, -end.length))).toEqual(
      new Set(['watching.checking', 'watching.inModeration', 'watching.backingOff']),
    )
    expect(await job.context()).toMatchObject({
      publicPostIds: [postId],
      visibility: 'public',
      failure: null,
      initAttempts: 1,
    })
    expect(at.local.posts()).toMatchObject([{ status: 'PUBLISH_COMPLETE', postIds: [postId] }])
    expect(at.local.counters()).toMatchObject({ inits: 1, refreshes: 2 })
  })

  it('are polled ever more rarely, within the 30 calls a minute that TikTok allows', async () => {
    const { at } = await moderated()
    const polls = at.local
      .rates()
      .filter(({ endpoint, per }) => endpoint === 'statusFetch' && per === 'account')
    expect(polls).toMatchObject([{ refused: 0 }])
    expect(polls[0]?.peakPerMinute).toBeLessThanOrEqual(30)
    const count = at.requests.filter((request) => request === 'status/fetch').length
    expect(count).toBeGreaterThan(60)
    expect(count).toBeLessThan(100)
  })

  it('give an id that reaches the API with every digit, as text', async () => {
    const { job, at, postId } = await moderated()
    const api = await createTestApi(stage.database)
    const { key } = await createKey(stage.database, stage.organizationId, ['read'])
    const { job: seen } = await asker(api, stage.organizationId, at.accountId, key).ask(
      'query ($id: ID!) { job(id: $id) { state publicPostIds post { status publicPostIds urls } } }',
      { id: globalId('Job', job.jobId) },
    )
    expect(seen).toEqual({
      state: 'published',
      publicPostIds: [postId],
      post: {
        status: 'PUBLIC',
        publicPostIds: [postId],
        urls: [`https://www.tiktok.com/@${at.username}/video/${postId}`],
      },
    })
  })
})

describe('a post that never leaves processing', () => {
  const stuck = async () => {
    const started = await stage.start({ slot: { caption: 'A day [[local:stuck]]' }, webhooks: 'kept' })
    const { job, at } = started
    await job.advance('watching.accepted')
    await at.pass(71 * hour)
    return started
  }
  const hoursSince = (instant: number | null) => (stage.clock.now() - (instant ?? 0)) / hour / 1_000

  it('is unconfirmed after 72 hours, and was never posted again', async () => {
    const { job, at } = await stuck()
    expect(await job.advance()).toBe('needsPerson')
    const context = await job.context()
    expect(context).toMatchObject({
      failure: { verdict: 'OUTCOME_UNKNOWN', code: 'UNCONFIRMED' },
      initAttempts: 1,
      publicPostIds: [],
    })
    expect(hoursSince(context.sentAt)).toBeGreaterThanOrEqual(72)
    expect(hoursSince(context.sentAt)).toBeLessThan(72.2)
    expect(at.local.counters()).toMatchObject({ inits: 1, puts: 1 })
    const history = await job.history()
    expect(history.slice(0, posting.length)).toEqual(posting)
    expect(new Set(history.slice(posting.length))).toEqual(
      new Set(['watching.checking', 'watching.backingOff', 'watching.processing', 'needsPerson']),
    )
  })

  it('is watched on when a person retries, for another 72 hours, and still not posted again', async () => {
    const { job, at } = await stuck()
    await job.advance()
    await job.send({ type: 'retry' })
    const watched = await job.history()
    expect(watched.slice(-2)).toEqual(['needsPerson', 'watching.accepted'])
    await at.pass(71 * hour)
    expect(await job.advance()).toBe('needsPerson')
    const context = await job.context()
    expect(context.failure).toMatchObject({ code: 'UNCONFIRMED' })
    expect(hoursSince(context.sentAt)).toBeGreaterThanOrEqual(144)
    expect((await job.history()).slice(watched.length)).not.toContain('publishing.initialising')
    expect(at.local.counters()).toMatchObject({ inits: 1, puts: 1 })
  })

  it('is published after all when TikTok tells of it while it waits for a person', async () => {
    const { job, at } = await stuck()
    expect(await job.advance()).toBe('needsPerson')
    const [post] = at.local.posts()
    const about = { publish_id: post?.publishId, publish_type: 'DIRECT_POST', post_id: '7312345678901234567' }
    at.local.sendWebhook('post.publish.publicly_available', at.username, about)
    expect(await job.receiveWebhooks()).toEqual(['moved'])
    expect(await job.advance()).toBe('published')
    expect((await job.history()).slice(-3)).toEqual(['needsPerson', 'closing', 'published'])
    expect(await job.context()).toMatchObject({ publicPostIds: ['7312345678901234567'], failure: null })
    expect(at.local.counters()).toMatchObject({ inits: 1, puts: 1 })
  })
})
