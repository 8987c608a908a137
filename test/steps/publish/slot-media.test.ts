import { sql } from 'kysely'
import { describe, expect, it } from 'vitest'
import { approveSlots } from '../../../src/store/plan/approvals.ts'
import type { DrivenJob } from '../../support/driven-job.ts'
import { createHarness } from './harness.ts'
import { publishedStates } from './timeline.ts'

const harness = await createHarness()
const { db } = harness.database.runtime
const { organizationId } = harness

/** Starts a job that posts an uploaded media. */
async function startUpload(video: Parameters<typeof harness.upload>[0] = {}) {
  const { account } = await harness.start()
  const media = await harness.upload(video)
  const job = await account.start({ media, slot: { isAigc: false } })
  return { account, media, job }
}

const failureOf = async (job: DrivenJob) => (await job.context()).failure

async function planOf(job: DrivenJob): Promise<string> {
  const { slotId } = await job.context()
  const { plan_id } = await db
    .selectFrom('slot')
    .select('plan_id')
    .where('id', '=', slotId)
    .executeTakeFirstOrThrow()
  return plan_id
}

describe('a slot with a media', () => {
  it.each([
    ['mp4', 'video/mp4'],
    ['mov', 'video/quicktime'],
    ['webm', 'video/webm'],
  ] as const)('is posted byte for byte, as %s, and generates nothing', async (container, contentType) => {
    const { account, media, job } = await startUpload({ container })
    expect(await job.advance()).toBe('published')
    const history = await job.history()
    expect(history.slice(0, 4)).toEqual(['queued', 'reservingQuota', 'checkingMedia', 'awaitingSlot'])
    expect(history.slice(-2)).toEqual(publishedStates)
    const { sha256, bytes: size } = media
    expect(account.tiktok.posts()).toMatchObject([{ sha256, size, isAigc: false, coverTimestampMs: 0 }])
    expect([...account.contentTypes]).toEqual([contentType])
  })

  it('reserves and uses one upload, and no video, second or byte', async () => {
    const { job } = await startUpload()
    expect(await job.advance()).toBe('published')
    const { rows } =
      await sql`select kind, metric, sum(amount)::int as amount from quota_entry where job_id = ${job.jobId}
                                group by kind, metric order by kind`.execute(db)
    expect(rows).toEqual([
      { kind: 'commit', metric: 'uploads', amount: 1 },
      { kind: 'reserve', metric: 'uploads', amount: 1 },
    ])
  })

  it('that TikTok would refuse needs a person before any call', async () => {
    const { job, account } = await startUpload({ framesPerSecond: 15 })
    expect(await job.advance()).toBe('needsPerson')
    expect(await failureOf(job)).toMatchObject({ verdict: 'FIX_MEDIA', code: 'MEDIA_FRAMERATE' })
    expect(account.requests).toEqual([])
  })
})

describe('a media that is deleted', () => {
  const set = (mediaId: string, deletedAt: Date | null) =>
    db.updateTable('media').set({ deleted_at: deletedAt }).where('id', '=', mediaId).execute()

  it.each(['queued', 'awaitingSlot'])('in %s is restored, and the retried job posts it', async (state) => {
    const { account, media, job } = await startUpload()
    if (state !== 'queued') await job.advance(state)
    await set(media.mediaId, new Date())
    expect(await job.advance()).toBe('needsPerson')
    expect(await failureOf(job)).toMatchObject({ verdict: 'NEEDS_USER', code: 'MEDIA_NOT_READY' })
    expect(account.requests).toEqual([])
    await set(media.mediaId, null)
    await job.sendEvent({ type: 'retry' })
    expect(await job.advance()).toBe('published')
  })
})

describe('a media that is converted', () => {
  const replace = async (mediaId: string) => {
    const converted = await harness.upload()
    const setContent = (id: string, sha256: string | null) =>
      sql`update media set sha256 = ${sha256}, bytes = ${sha256 && converted.bytes} where id = ${id}`.execute(
        db,
      )
    await setContent(converted.mediaId, null)
    await setContent(mediaId, converted.sha256)
  }

  it('before its job begins is posted only after another approval', async () => {
    const { account, media, job } = await startUpload()
    await replace(media.mediaId)
    expect(await job.advance()).toBe('needsPerson')
    expect(await failureOf(job)).toMatchObject({ code: 'APPROVAL_STALE' })
    await approveSlots(db, organizationId, await planOf(job))
    await job.sendEvent({ type: 'retry' })
    expect(await job.advance()).toBe('published')
    expect(account.tiktok.posts()[0]?.sha256).not.toBe(media.sha256)
  })

  it('afterwards stops its job, which says what to do', async () => {
    const { account, media, job } = await startUpload()
    await job.advance('awaitingSlot')
    await replace(media.mediaId)
    await approveSlots(db, organizationId, await planOf(job))
    expect(await job.advance()).toBe('needsPerson')
    expect(await failureOf(job)).toMatchObject({ verdict: 'NEEDS_USER', code: 'MEDIA_REPLACED' })
    expect(account.requests).toEqual([])
  })

  it('while the opening of its post is deferred stops its job before TikTok hears of it', async () => {
    const { account, media, job } = await startUpload()
    account.tiktok.changeSettings({ limits: { videoInit: 0 } })
    await job.advance('publishing.deferred')
    await replace(media.mediaId)
    await approveSlots(db, organizationId, await planOf(job))
    account.tiktok.changeSettings({ limits: {} })
    expect(await job.advance()).toBe('needsPerson')
    expect(await failureOf(job)).toMatchObject({ code: 'MEDIA_REPLACED' })
    expect((await job.history()).slice(-2)).toEqual(['publishing.initialising', 'needsPerson'])
    expect(account.tiktok.posts()).toEqual([])
  })
})
