import { describe, expect, it } from 'vitest'
import { chunkRange } from '../../../src/providers/tiktok/post/chunk-plan.ts'
import type { DrivenJob } from '../../support/driven-job.ts'
import { createHarness } from './harness.ts'
import type { LocalAccount } from './local-account.ts'
import {
  openingStates,
  publishedStates,
  retryStates,
  sentStates,
  statesBefore,
  storedStates,
  uploadingStates,
} from './timeline.ts'

const harness = await createHarness()
const large = { video: { isLarge: true } } as const
const { bytes } = await harness.video({ seconds: 1, framesPerSecond: 30, isLarge: true, container: 'mp4' })

/** The entries of `requests` for each of the six chunks. */
const putRequests = Array.from({ length: 6 }, (_, index) => {
  const { first, last } = chunkRange({ chunkSize: 10_000_000, count: 6 }, bytes, index)
  return `PUT ${first}-${last}`
})
const requestsOf = ({ requests }: LocalAccount) => requests.filter((name) => name !== 'creator_info/query')

/** Expects exactly one post, whose bytes equal the stored video's. */
async function expectOnePost(job: DrivenJob, { tiktok }: LocalAccount): Promise<void> {
  const { media, publicPostIds } = await job.context()
  const complete = tiktok.posts().filter(({ status }) => status === 'PUBLISH_COMPLETE')
  expect(complete).toMatchObject([{ sha256: media?.sha256, size: media?.bytes, postIds: publicPostIds }])
}

/** Sends a chunk that the job had given up, as if it arrived late. */
async function arriveLate(job: DrivenJob, { client }: LocalAccount, index: number): Promise<void> {
  const { post, media } = await job.context()
  if (!post || !media) throw new Error('the job has no open post')
  const range = chunkRange({ chunkSize: post.chunkSize, count: post.chunkCount }, media.bytes, index)
  const associatedData = { organizationId: job.organizationId, row: job.jobId, column: 'upload_url' }
  const body = await harness.storage.open(job.organizationId, media.sha256, {
    start: range.first,
    end: range.last,
  })
  const chunk = { ...range, total: media.bytes, contentType: 'video/mp4', body } as const
  const answer = await client.putChunk(harness.encryptor.open(post.uploadUrlSealed, associatedData), chunk)
  expect(['stored', 'complete']).toContain(answer.kind)
}

const dropAfter = { kind: 'dropAfter' } as const
const badGateway = { kind: 'status', status: 502 } as const
const resentStates = ['publishing.reconciling', 'publishing.backingOff', 'publishing.uploading']

describe('an init whose answer is lost', () => {
  it('is repeated after a lookup, because the first post has no upload URL and cannot appear', async () => {
    const { job, account } = await harness.start()
    account.tiktok.injectFault({ endpoint: 'videoInit', effect: dropAfter, nth: 1 })
    expect(await job.advance()).toBe('published')
    expect(await job.history()).toEqual([
      ...storedStates,
      ...openingStates,
      'publishing.reconciling',
      ...retryStates,
      ...uploadingStates(),
      ...sentStates,
      ...publishedStates,
    ])
    await account.advanceClock(7 * 86_400)
    expect(account.tiktok.posts().map(({ status, bytes }) => [status, bytes > 0])).toEqual([
      ['PROCESSING_UPLOAD', false],
      ['PUBLISH_COMPLETE', true],
    ])
    await expectOnePost(job, account)
  })

  it('is not repeated before TikTok’s Retry-After', async () => {
    const { job, account } = await harness.start()
    const effect = { kind: 'status', status: 503, retryAfterSeconds: 120 } as const
    account.tiktok.injectFault({ endpoint: 'videoInit', effect, nth: 1 })
    await job.advance('publishing.backingOff')
    const offsetMs = harness.clock.offsetMs()
    expect(await job.advance('publishing.uploading')).toBe('publishing.uploading')
    expect(harness.clock.offsetMs() - offsetMs).toBeGreaterThan(110_000)
    expect(await job.advance()).toBe('published')
    await expectOnePost(job, account)
  })
})

describe('a chunk', () => {
  it('that gets 502 twice is sent again with the same range, and all bytes arrive', async () => {
    const { job, account } = await harness.start(large)
    for (const nth of [3, 4]) account.tiktok.injectFault({ endpoint: 'upload', effect: badGateway, nth })
    expect(await job.advance()).toBe('published')
    expect(await job.history()).toEqual([
      ...storedStates,
      ...uploadingStates(3),
      ...resentStates,
      ...resentStates,
      ...Array(3).fill('publishing.uploading'),
      ...sentStates,
      ...publishedStates,
    ])
    const [one, two, three, ...others] = putRequests
    const poll = 'status/fetch'
    const expected = ['video/init', one, two, three, poll, three, poll, three, ...others, poll]
    expect(requestsOf(account)).toEqual(expected)
    await expectOnePost(job, account)
  })

  it('that had arrived is not sent again: after a 416 the upload resumes at uploaded_bytes', async () => {
    const { job, account } = await harness.start(large)
    account.tiktok.injectFault({ endpoint: 'upload', effect: badGateway, nth: 3 })
    expect(await job.advance('publishing.backingOff')).toBe('publishing.backingOff')
    expect((await job.context()).nextChunk).toBe(2)
    await arriveLate(job, account, 2)
    expect(await job.advance()).toBe('published')
    expect(await job.history()).toEqual([
      ...storedStates,
      ...uploadingStates(3),
      ...resentStates,
      ...resentStates,
      ...Array(2).fill('publishing.uploading'),
      ...sentStates,
      ...publishedStates,
    ])
    expect(account.tiktok.counters()).toMatchObject({
      inits: 1,
      puts: 6,
      refused: { http_502: 1, http_416: 1 },
    })
    await expectOnePost(job, account)
  })

  it('that is the last and whose answer is lost opens no other post', async () => {
    const { job, account } = await harness.start(large)
    account.tiktok.injectFault({ endpoint: 'upload', effect: dropAfter, nth: 6 })
    expect(await job.advance()).toBe('published')
    expect(await job.history()).toEqual([
      ...storedStates,
      ...uploadingStates(6),
      'publishing.reconciling',
      ...sentStates,
      ...publishedStates,
    ])
    expect(requestsOf(account)).toEqual(['video/init', ...putRequests, 'status/fetch', 'status/fetch'])
    await expectOnePost(job, account)
  })

  it('that is the only one and whose answer is lost during processing opens no other post', async () => {
    const { job, account } = await harness.start({ simulatorSettings: { processingMs: 60_000 } })
    account.tiktok.injectFault({ endpoint: 'upload', effect: dropAfter, nth: 1 })
    expect(await job.advance()).toBe('published')
    const history = await job.history()
    expect(statesBefore('watching.accepted', history)).toEqual([
      ...storedStates,
      ...uploadingStates(),
      'publishing.reconciling',
    ])
    expect(history).not.toContain('publishing.backingOff')
    expect(account.tiktok.counters()).toMatchObject({ inits: 1, puts: 1, repeatedChunks: 0 })
    await expectOnePost(job, account)
  })
})

describe('an expired upload URL', () => {
  it('before the last chunk leads to another init and exactly one post', async () => {
    const { job, account } = await harness.start({
      ...large,
      simulatorSettings: { accessTtlSeconds: 86_400 },
    })
    account.tiktok.injectFault({ endpoint: 'upload', effect: badGateway, nth: 6 })
    await job.advance('publishing.backingOff')
    await account.advanceClock(3_601)
    // The slot is too late by now as well.
    expect(await job.advance()).toBe('needsPerson')
    await job.sendEvent({ type: 'retry' })
    expect(await job.advance()).toBe('published')
    expect(await job.history()).toEqual([
      ...storedStates,
      ...uploadingStates(6),
      ...['publishing.reconciling', 'publishing.backingOff', 'publishing.reconciling', 'needsPerson'],
      ...['publishing.uploading', 'publishing.reconciling'],
      ...retryStates,
      ...uploadingStates(6),
      ...sentStates,
      ...publishedStates,
    ])
    expect(account.tiktok.counters()).toMatchObject({ inits: 2, refused: { http_502: 1, http_403: 1 } })
    await account.advanceClock(7 * 86_400)
    expect(account.tiktok.posts().map(({ status, bytes: arrived }) => [status, arrived])).toEqual([
      ['PROCESSING_UPLOAD', 50_000_000],
      ['PUBLISH_COMPLETE', bytes],
    ])
    await expectOnePost(job, account)
  })

  it('after all bytes have arrived leads to no other init, and the slot does not count as late', async () => {
    const { job, account } = await harness.start({
      ...large,
      simulatorSettings: { processingMs: 3 * 3_600_000 },
    })
    account.tiktok.injectFault({ endpoint: 'upload', effect: badGateway, nth: 6 })
    await job.advance('publishing.backingOff')
    await arriveLate(job, account, 5)
    await account.advanceClock(3_601)
    expect(await job.advance()).toBe('published')
    expect(statesBefore('watching.accepted', await job.history())).toEqual([
      ...storedStates,
      ...uploadingStates(6),
      ...['publishing.reconciling', 'publishing.backingOff', 'publishing.reconciling'],
    ])
    expect(account.tiktok.counters()).toMatchObject({ inits: 1, puts: 6, refused: { http_502: 1 } })
    await expectOnePost(job, account)
  })
})
