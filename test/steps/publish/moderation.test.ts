import { describe, expect, it } from 'vitest'
import { clientFor, createKey, createTestApi, globalId } from '../../graphql/support.ts'
import { createHarness } from './harness.ts'

const harness = await createHarness()
const hourSeconds = 3_600

/** From the stored video to the last byte. */
const postingStates = [
  'checkingMedia',
  'awaitingSlot',
  'publishing.preparing',
  'publishing.initialising',
  'publishing.uploading',
  'watching.accepted',
]

it('five hours of moderation end in a published post, although the token expires twice', async () => {
  const postId = '7312345678901234567'
  const { job, account } = await harness.start({
    simulatorSettings: { moderationMs: 5 * hourSeconds * 1_000, nextPostIds: [postId] },
  })
  await job.advance()
  const history = await job.history()
  const end = ['closing', 'published']
  expect(history.slice(0, postingStates.length)).toEqual(postingStates)
  expect(history.slice(-end.length)).toEqual(end)
  expect(new Set(history.slice(postingStates.length, -end.length))).toEqual(
    new Set(['watching.inModeration', 'watching.backingOff']),
  )
  // Polls that find the post where it was leave no trace.
  expect(history.length).toBeLessThan(50)
  expect(await job.context()).toMatchObject({
    publicPostIds: [postId],
    visibility: 'public',
    failure: null,
    initAttempts: 1,
  })
  expect(account.tiktok.posts()).toMatchObject([{ status: 'PUBLISH_COMPLETE', postIds: [postId] }])
  expect(account.tiktok.counters()).toMatchObject({ inits: 1, refreshes: 2 })

  // It was polled at growing intervals, within TikTok's 30 calls a minute.
  const polls = account.tiktok
    .rates()
    .filter(({ endpoint, per }) => endpoint === 'statusFetch' && per === 'account')
  expect(polls).toMatchObject([{ refused: 0 }])
  expect(polls[0]?.peakPerMinute).toBeLessThanOrEqual(30)
  const count = account.requests.filter((request) => request === 'status/fetch').length
  expect(count).toBeGreaterThan(60)
  expect(count).toBeLessThan(100)

  // The API returns the post's id as text, with every digit.
  const api = await createTestApi(harness.database)
  const { key } = await createKey(harness.database, harness.organizationId, ['read'])
  const { job: seen } = await clientFor(api, harness.organizationId, account.accountId, key).request(
    'query ($id: ID!) { job(id: $id) { state publicPostIds post { status publicPostIds urls } } }',
    { id: globalId('Job', job.jobId) },
  )
  expect(seen).toEqual({
    state: 'published',
    publicPostIds: [postId],
    post: {
      status: 'PUBLIC',
      publicPostIds: [postId],
      urls: [`https://www.tiktok.com/@${account.username}/video/${postId}`],
    },
  })
})

describe('a post that never leaves processing', () => {
  const stuck = async () => {
    const started = await harness.start({ slot: { caption: 'A day [[local:stuck]]' }, webhooks: 'stored' })
    const { job, account } = started
    await job.advance('watching.accepted')
    await account.advanceClock(71 * hourSeconds)
    return started
  }
  const hoursSince = (instant: number | null) => (harness.clock.now() - (instant ?? 0)) / hourSeconds / 1_000

  it('is unconfirmed after 72 hours and is not posted again', async () => {
    const { job, account } = await stuck()
    expect(await job.advance()).toBe('needsPerson')
    const context = await job.context()
    expect(context).toMatchObject({
      failure: { verdict: 'OUTCOME_UNKNOWN', code: 'UNCONFIRMED' },
      initAttempts: 1,
      publicPostIds: [],
    })
    expect(hoursSince(context.sentAt)).toBeGreaterThanOrEqual(72)
    expect(hoursSince(context.sentAt)).toBeLessThan(72.2)
    expect(account.tiktok.counters()).toMatchObject({ inits: 1, puts: 1 })
    const history = await job.history()
    expect(history.slice(0, postingStates.length)).toEqual(postingStates)
    expect(new Set(history.slice(postingStates.length))).toEqual(
      new Set(['watching.backingOff', 'watching.processing', 'needsPerson']),
    )
  })

  it('is watched for another 72 hours when a person retries, and is not posted again', async () => {
    const { job, account } = await stuck()
    await job.advance()
    await job.sendEvent({ type: 'retry' })
    const watched = await job.history()
    expect(watched.slice(-2)).toEqual(['needsPerson', 'watching.accepted'])
    await account.advanceClock(71 * hourSeconds)
    expect(await job.advance()).toBe('needsPerson')
    const context = await job.context()
    expect(context.failure).toMatchObject({ code: 'UNCONFIRMED' })
    expect(hoursSince(context.sentAt)).toBeGreaterThanOrEqual(144)
    expect((await job.history()).slice(watched.length)).not.toContain('publishing.initialising')
    expect(account.tiktok.counters()).toMatchObject({ inits: 1, puts: 1 })
  })

  it('is published when a webhook reports it while the job waits for a person', async () => {
    const { job, account } = await stuck()
    expect(await job.advance()).toBe('needsPerson')
    const [post] = account.tiktok.posts()
    const content = {
      publish_id: post?.publishId,
      publish_type: 'DIRECT_POST',
      post_id: '7312345678901234567',
    }
    account.tiktok.sendWebhook('post.publish.publicly_available', account.username, content)
    expect(await job.receiveWebhooks()).toEqual(['applied'])
    expect(await job.advance()).toBe('published')
    expect((await job.history()).slice(-3)).toEqual(['needsPerson', 'closing', 'published'])
    expect(await job.context()).toMatchObject({ publicPostIds: ['7312345678901234567'], failure: null })
    expect(account.tiktok.counters()).toMatchObject({ inits: 1, puts: 1 })
  })
})
