import { randomBytes, randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import { describe, expect, it } from 'vitest'
import { createTestDatabase } from '../../../support/database.ts'
import {
  type Answer,
  createDraft,
  createTenant,
  createTestApi,
  mutate,
  slotInput,
  storyboard,
  type Tenant,
} from '../../support.ts'

const database = await createTestDatabase()
const { db } = database.runtime
const api = await createTestApi(database)
const tenant = await createTenant(database, api)

interface MediaOptions {
  readonly origin?: 'uploaded' | 'generated'
  readonly kind?: 'video' | 'image'
  readonly seconds?: number
  readonly isDeleted?: boolean
  readonly of?: Tenant
}

/** Inserts a media that is ready, and returns its ids. */
async function insertMedia({ origin = 'uploaded', kind = 'video', ...options }: MediaOptions = {}) {
  const { seconds = 4, isDeleted = false, of = tenant } = options
  const mediaId = randomUUID()
  await db
    .insertInto('media')
    .values({
      ...{ id: mediaId, organization_id: of.organizationId, origin, kind, seconds, width: 720, height: 1280 },
      ...{
        sha256: randomBytes(32).toString('hex'),
        bytes: 1_000,
        content_type: 'video/mp4',
        container: 'mp4',
      },
      deleted_at: isDeleted ? new Date() : null,
    })
    .execute()
  return { rowId: mediaId, mediaId: Buffer.from(`Media:${mediaId}`).toString('base64url') }
}

const rowIdOf = (id: string) => Buffer.from(id, 'base64url').toString().split(':')[1] ?? ''
const fields = `id isAigc coverTimestampMs content {
  __typename ... on StoryboardContent { storyboard } ... on MediaContent { media { id sha256 } } } storyboard`
const unsaid = { storyboard: undefined }

async function add(change: object): Promise<Answer> {
  const { planId } = await createDraft(tenant, [])
  const added = await mutate(
    tenant,
    'addSlots',
    { planId, slots: [slotInput(60, change)] },
    `slots { ${fields} }`,
  )
  return { planId, ...added }
}
const update = (slotId: string, change: object) =>
  mutate(tenant, 'updateSlot', { slotId, ...change }, `slot { ${fields} }`)
const withMedia = (mediaId: string, change: object = {}) => ({
  ...unsaid,
  content: { mediaId },
  isAigc: false,
  ...change,
})

describe('the content of a slot', () => {
  it('is a storyboard, given as content or in the older field', async () => {
    for (const given of [{ ...unsaid, content: { storyboard } }, { storyboard }]) {
      const { slots } = await add(given)
      const filledIn = expect.objectContaining({ title: 'Short' })
      expect(slots).toMatchObject([
        {
          content: { __typename: 'StoryboardContent', storyboard: filledIn },
          storyboard: filledIn,
          isAigc: true,
        },
      ])
    }
  })

  it('is a media, whose cover is its first frame by default', async () => {
    const { mediaId } = await insertMedia()
    const { slots } = await add(withMedia(mediaId))
    expect(slots).toMatchObject([
      {
        content: { __typename: 'MediaContent', media: { id: mediaId } },
        storyboard: null,
        isAigc: false,
        coverTimestampMs: 0,
      },
    ])
  })

  it.each([
    ['none', unsaid, 'slots.0.content', 'must be given: a storyboard or a media'],
    [
      'both',
      { content: { storyboard } },
      'slots.0.content',
      'and storyboard are both given: leave storyboard out',
    ],
    [
      'a storyboard with a mistake',
      { ...unsaid, content: { storyboard: { ...storyboard, scenes: [] } } },
      'slots.0.content.storyboard.scenes',
      'must have at least one scene',
    ],
  ])('is refused if there is %s, and names the field', async (_what, given, path, message) => {
    expect(await add(given)).toMatchObject({ code: 'INVALID_INPUT', fields: [{ path, message }] })
  })

  it('cannot be a storyboard and a media at once', async () => {
    const { mediaId } = await insertMedia()
    await expect(add({ ...unsaid, content: { storyboard, mediaId } })).rejects.toThrow(
      /Exactly one key|OneOf/i,
    )
  })

  it.each([
    ['an image', { kind: 'image' }, 'names a media of kind image: a post needs a video'],
    ['a deleted media', { isDeleted: true }, /deleted|not ready/],
  ] as const)('is refused if it is %s', async (_what, options, message) => {
    const { mediaId } = await insertMedia(options)
    expect(await add(withMedia(mediaId))).toMatchObject({
      code: 'INVALID_INPUT',
      fields: [
        {
          path: 'slots.0.content.mediaId',
          message: typeof message === 'string' ? message : expect.stringMatching(message),
        },
      ],
    })
  })

  it('is refused if it is a media of another organization, or none', async () => {
    const other = await createTenant(database, api)
    const foreign = await insertMedia({ of: other })
    const { planId } = await add({})
    const idOf = (text: string) => Buffer.from(text).toString('base64url')
    for (const mediaId of [
      foreign.mediaId,
      idOf(`Media:${randomUUID()}`),
      idOf(`Slot:${randomUUID()}`),
      'x',
    ]) {
      const slots = [slotInput(60), slotInput(70, withMedia(mediaId))]
      expect(await mutate(tenant, 'addSlots', { planId, slots }, 'slots { id }')).toMatchObject({
        code: 'NOT_FOUND',
        field: 'slots.1.content.mediaId',
      })
    }
  })

  it('is refused if the media is longer than the creator may post', async () => {
    const limits = { privacyLevelOptions: ['SELF_ONLY'], maxDurationSeconds: 3 }
    const creator = { ...limits, commentDisabled: false, duetDisabled: false, stitchDisabled: false }
    const strict = await createTenant(database, api)
    await sql`update account set creator = ${JSON.stringify(creator)}::jsonb, creator_fetched_at = now()
               where id = ${strict.accountId}`.execute(db)
    const { mediaId } = await insertMedia({ of: strict, seconds: 3.5 })
    const { planId } = await createDraft(strict, [])
    const slots = [slotInput(60, withMedia(mediaId))]
    expect(await mutate(strict, 'addSlots', { planId, slots }, 'slots { id }')).toMatchObject({
      fields: [
        { path: 'slots.0.content.mediaId', message: 'lasts 3.5 s; this creator may post at most 3 s' },
      ],
    })
  })
})

describe('who made the video', () => {
  const problem = { path: 'slots.0.isAigc', message: expect.stringContaining('must be stated') }

  it('must be stated for an uploaded one, either way', async () => {
    const { mediaId } = await insertMedia()
    expect(await add(withMedia(mediaId, { isAigc: undefined }))).toMatchObject({ fields: [problem] })
    for (const isAigc of [true, false])
      expect((await add(withMedia(mediaId, { isAigc }))).slots).toMatchObject([{ isAigc }])
  })

  it('is known for one that a job has generated', async () => {
    const { mediaId } = await insertMedia({ origin: 'generated' })
    expect((await add(withMedia(mediaId, { isAigc: undefined }))).slots).toMatchObject([{ isAigc: true }])
    expect(await add(withMedia(mediaId))).toMatchObject({
      fields: [{ path: 'slots.0.isAigc', message: expect.stringContaining('must be true') }],
    })
  })

  it('is not asked for a draft, whose creator says it', async () => {
    const { mediaId } = await insertMedia()
    const draft = { mode: 'DRAFT', caption: undefined, privacy: undefined, isAigc: undefined }
    const { slots } = await add(withMedia(mediaId, draft))
    expect(slots).toMatchObject([{ isAigc: false, coverTimestampMs: null }])
    expect(await update(slots[0].id, { mode: 'DIRECT', privacy: 'SELF_ONLY' })).toMatchObject({
      fields: [{ path: 'isAigc' }],
    })
    const direct = { mode: 'DIRECT', privacy: 'SELF_ONLY', isAigc: true }
    expect((await update(slots[0].id, direct)).slot).toMatchObject({ isAigc: true })
  })

  it('is stated anew with another video', async () => {
    const { mediaId } = await insertMedia()
    const [{ id }] = (await add({})).slots
    expect(await update(id, { content: { mediaId } })).toMatchObject({ fields: [{ path: 'isAigc' }] })
    const changed = await update(id, { content: { mediaId }, isAigc: false })
    expect(changed.slot).toMatchObject({ isAigc: false, storyboard: null })
    expect((await update(id, { caption: 'Other' })).slot).toMatchObject({ isAigc: false })
    expect((await update(id, { content: { storyboard } })).slot).toMatchObject({ isAigc: true })
  })
})

describe('a plan with a media', () => {
  it('cannot be approved once the media is deleted, and says which slot uses it', async () => {
    const { mediaId, rowId } = await insertMedia()
    const { planId, slots } = await add(withMedia(mediaId))
    await mutate(tenant, 'submitPlanForReview', { planId })
    await db.updateTable('media').set({ deleted_at: new Date() }).where('id', '=', rowId).execute()
    const approve = `mutation ($input: ApprovePlanInput!) { approvePlan(input: $input) {
      ... on CreatorSettingsViolationError { violations { slotId path message } } ... on ApprovePlanPayload { plan { state } } } }`
    const answer = await tenant.request(approve, { input: { planId } })
    expect(answer.approvePlan.violations).toEqual([
      { slotId: slots[0].id, path: 'content.mediaId', message: expect.any(String) },
    ])
    await db.updateTable('media').set({ deleted_at: null }).where('id', '=', rowId).execute()
    const approved = await tenant.request(approve, { input: { planId } })
    expect(approved.approvePlan).toEqual({ plan: { state: 'APPROVED' } })
  })

  it('is listed by its media, which is not deleted while the slot is approved', async () => {
    const { mediaId } = await insertMedia()
    const { planId, slots } = await add(withMedia(mediaId))
    const [{ id: slotId }] = slots
    const used = await tenant.request(
      'query ($mediaId: ID!) { node(id: $mediaId) { ... on Media { slots { nodes { id plan { id } } } } } }',
      { mediaId },
    )
    expect(used.node.slots.nodes).toEqual([{ id: slotId, plan: { id: planId } }])
    const remove = () =>
      mutate(tenant, 'deleteMedia', { mediaId }, 'media { state } } ... on MediaInUseError { slotIds')
    await mutate(tenant, 'submitPlanForReview', { planId })
    await mutate(tenant, 'approvePlan', { planId })
    expect(await remove()).toMatchObject({ code: 'MEDIA_IN_USE', slotIds: [slotId] })
    await mutate(tenant, 'startJob', { slotId }, 'job { state }')
    expect(await remove()).toMatchObject({ code: 'MEDIA_IN_USE', slotIds: [slotId] })
    const other = await insertMedia()
    const draft = await add(withMedia(other.mediaId))
    expect(await mutate(tenant, 'deleteMedia', { mediaId: other.mediaId }, 'media { state }')).toMatchObject({
      media: { state: 'DELETED' },
    })
    expect(draft.slots).toHaveLength(1)
  })

  it('is forecast and started with an upload, and without videos and seconds', async () => {
    const { mediaId } = await insertMedia()
    const { planId, slots } = await add(withMedia(mediaId))
    await mutate(tenant, 'submitPlanForReview', { planId })
    const { quotaForecast } = await mutate(
      tenant,
      'approvePlan',
      { planId },
      'quotaForecast { metric needed }',
    )
    const needed = new Map(quotaForecast.map((each: Answer) => [each.metric, each.needed]))
    expect(Object.fromEntries(needed)).toEqual({ VIDEOS: 0, SECONDS: 0, UPLOADS: 1 })
    const [{ id: slotId }] = slots
    expect(await mutate(tenant, 'startJob', { slotId }, 'job { state }')).toMatchObject({
      job: { state: 'queued' },
    })
    const { rows } = await sql`
      select metric, amount::int from quota_entry join machine_instance job on job.id = quota_entry.job_id
       where job.slot_id = ${rowIdOf(slotId)} and kind = 'reserve'`.execute(db)
    expect(rows).toEqual([{ metric: 'uploads', amount: 1 }])
    expect(await update(slotId, { content: { storyboard } })).toMatchObject({ code: 'SLOT_CLAIMED' })
  })
})
