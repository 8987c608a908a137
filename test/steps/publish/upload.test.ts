import { describe, expect, it } from 'vitest'
import { chunkRange } from '../../../src/providers/tiktok/post/chunk-plan.ts'
import type { RehearsedJob } from '../../support/rehearsed-job.ts'
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

const stage = await createHarness()
const large = { video: { isLarge: true } } as const
const { bytes } = await stage.video({ seconds: 1, framesPerSecond: 30, isLarge: true })

/** As `requests` names the sending of each of the six chunks. */
const puts = Array.from({ length: 6 }, (_, index) => {
  const { first, last } = chunkRange({ chunkSize: 10_000_000, count: 6 }, bytes, index)
  return `PUT ${first}-${last}`
})
const requestsOf = ({ requests }: LocalAccount) => requests.filter((name) => name !== 'creator_info/query')

/** One post, all of whose bytes are those of the stored video, in their places. */
async function expectOnePost(job: RehearsedJob, { local }: LocalAccount): Promise<void> {
  const { media, publicPostIds } = await job.context()
  const complete = local.posts().filter(({ status }) => status === 'PUBLISH_COMPLETE')
  expect(complete).toMatchObject([{ sha256: media?.sha256, size: media?.bytes, postIds: publicPostIds }])
}

/** A chunk of the job's that had been given up arrives after all. */
async function arriveLate(job: RehearsedJob, { client }: LocalAccount, index: number): Promise<void> {
  const { post, media } = await job.context()
  if (!post || !media) throw new Error('nothing is open')
  const range = chunkRange({ chunkSize: post.chunkSize, count: post.chunkCount }, media.bytes, index)
  const place = { organizationId: job.organizationId, row: job.jobId, column: 'upload_url' }
  const body = await stage.storage.open(job.organizationId, media.sha256, {
    start: range.first,
    end: range.last,
  })
  const chunk = { ...range, total: media.bytes, contentType: 'video/mp4', body } as const
  const answer = await client.putChunk(stage.encryptor.open(post.uploadUrlSealed, place), chunk)
  expect(['stored', 'complete']).toContain(answer.kind)
}

const dropAfter = { kind: 'dropAfter' } as const
const badGateway = { kind: 'status', status: 502 } as const
const resent = ['publishing.reconciling', 'publishing.backingOff', 'publishing.uploading']

describe('an init whose answer is lost', () => {
  it('is looked up and made anew: nobody holds the address of the first, so nothing can come of it', async () => {
    const { job, at } = await stage.start()
    at.local.injectFault({ endpoint: 'videoInit', effect: dropAfter, nth: 1 })
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
    await at.pass(7 * 86_400)
    expect(at.local.posts().map(({ status, bytes }) => [status, bytes > 0])).toEqual([
      ['PROCESSING_UPLOAD', false],
      ['PUBLISH_COMPLETE', true],
    ])
    await expectOnePost(job, at)
  })

  it('is made anew no sooner than TikTok asked for', async () => {
    const { job, at } = await stage.start()
    const effect = { kind: 'status', status: 503, retryAfterSeconds: 120 } as const
    at.local.injectFault({ endpoint: 'videoInit', effect, nth: 1 })
    await job.advance('publishing.backingOff')
    const ahead = stage.clock.offsetMs()
    expect(await job.advance('publishing.uploading')).toBe('publishing.uploading')
    expect(stage.clock.offsetMs() - ahead).toBeGreaterThan(110_000)
    expect(await job.advance()).toBe('published')
    await expectOnePost(job, at)
  })
})

describe('a chunk', () => {
  it('that meets a bad gateway twice is sent again, the same range, and all bytes are equal at the end', async () => {
    const { job, at } = await stage.start(large)
    for (const nth of [3, 4]) at.local.injectFault({ endpoint: 'upload', effect: badGateway, nth })
    expect(await job.advance()).toBe('published')
    expect(await job.history()).toEqual([
      ...storedStates,
      ...uploadingStates(3),
      ...resent,
      ...resent,
      ...Array(3).fill('publishing.uploading'),
      ...sentStates,
      ...publishedStates,
    ])
    const [one, two, three, ...others] = puts
    const asked = 'status/fetch'
    const all = ['video/init', one, two, three, asked, three, asked, three, ...others, asked]
    expect(requestsOf(at)).toEqual(all)
    await expectOnePost(job, at)
  })

  it('that had arrived after all is not sent again: a 416 tells, and the upload goes on from uploaded_bytes', async () => {
    const { job, at } = await stage.start(large)
    at.local.injectFault({ endpoint: 'upload', effect: badGateway, nth: 3 })
    expect(await job.advance('publishing.backingOff')).toBe('publishing.backingOff')
    expect((await job.context()).nextChunk).toBe(2)
    await arriveLate(job, at, 2)
    expect(await job.advance()).toBe('published')
    expect(await job.history()).toEqual([
      ...storedStates,
      ...uploadingStates(3),
      ...resent,
      ...resent,
      ...Array(2).fill('publishing.uploading'),
      ...sentStates,
      ...publishedStates,
    ])
    expect(at.local.counters()).toMatchObject({ inits: 1, puts: 6, refused: { http_502: 1, http_416: 1 } })
    await expectOnePost(job, at)
  })

  it('that is the last, and whose answer is lost, opens nothing anew: the post is watched to its end', async () => {
    const { job, at } = await stage.start(large)
    at.local.injectFault({ endpoint: 'upload', effect: dropAfter, nth: 6 })
    expect(await job.advance()).toBe('published')
    expect(await job.history()).toEqual([
      ...storedStates,
      ...uploadingStates(6),
      'publishing.reconciling',
      ...sentStates,
      ...publishedStates,
    ])
    expect(requestsOf(at)).toEqual(['video/init', ...puts, 'status/fetch', 'status/fetch'])
    await expectOnePost(job, at)
  })

  it('that is the only one, and whose answer is lost while TikTok is processing, opens nothing anew', async () => {
    const { job, at } = await stage.start({ simulatorSettings: { processingMs: 60_000 } })
    at.local.injectFault({ endpoint: 'upload', effect: dropAfter, nth: 1 })
    expect(await job.advance()).toBe('published')
    const history = await job.history()
    expect(statesBefore('watching.accepted', history)).toEqual([
      ...storedStates,
      ...uploadingStates(),
      'publishing.reconciling',
    ])
    expect(history).not.toContain('publishing.backingOff')
    expect(at.local.counters()).toMatchObject({ inits: 1, puts: 1, repeatedChunks: 0 })
    await expectOnePost(job, at)
  })
})

describe('an upload whose hour is over', () => {
  it('before the last chunk is given up, and a fresh init makes exactly one post', async () => {
    const { job, at } = await stage.start({ ...large, simulatorSettings: { accessTtlSeconds: 86_400 } })
    at.local.injectFault({ endpoint: 'upload', effect: badGateway, nth: 6 })
    await job.advance('publishing.backingOff')
    await at.pass(3_601)
    // The slot was more than an hour ago as well.
    expect(await job.advance()).toBe('needsPerson')
    await job.send({ type: 'retry' })
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
    expect(at.local.counters()).toMatchObject({ inits: 2, refused: { http_502: 1, http_403: 1 } })
    await at.pass(7 * 86_400)
    expect(at.local.posts().map(({ status, bytes: arrived }) => [status, arrived])).toEqual([
      ['PROCESSING_UPLOAD', 50_000_000],
      ['PUBLISH_COMPLETE', bytes],
    ])
    await expectOnePost(job, at)
  })

  it('after all of its bytes had arrived, unheard, is not opened anew, and not called late', async () => {
    const { job, at } = await stage.start({ ...large, simulatorSettings: { processingMs: 3 * 3_600_000 } })
    at.local.injectFault({ endpoint: 'upload', effect: badGateway, nth: 6 })
    await job.advance('publishing.backingOff')
    await arriveLate(job, at, 5)
    await at.pass(3_601)
    expect(await job.advance()).toBe('published')
    expect(statesBefore('watching.accepted', await job.history())).toEqual([
      ...storedStates,
      ...uploadingStates(6),
      ...['publishing.reconciling', 'publishing.backingOff', 'publishing.reconciling'],
    ])
    expect(at.local.counters()).toMatchObject({ inits: 1, puts: 6, refused: { http_502: 1 } })
    await expectOnePost(job, at)
  })
})
