import { beforeAll, describe, expect, it } from 'vitest'
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

let tenant: Tenant

beforeAll(async () => {
  const database = await createTestDatabase()
  tenant = await createTenant(database, await createTestApi(database))
})

const fields = `mode caption privacy allowComment allowDuet allowStitch brandContent brandOrganic`
/** The required fields of a direct post that a draft must not have. */
const unsaid = { caption: undefined, privacy: undefined }
const draft = {
  mode: 'DRAFT',
  caption: '',
  privacy: 'SELF_ONLY',
  allowComment: false,
  allowDuet: false,
  allowStitch: false,
  brandContent: false,
  brandOrganic: false,
}

async function add(slot: object): Promise<Answer> {
  const { planId } = await createDraft(tenant, [])
  return await mutate(tenant, 'addSlots', { planId, slots: [slot] }, `slots { id ${fields} }`)
}

const update = (slotId: string, change: object) =>
  mutate(tenant, 'updateSlot', { slotId, ...change }, `slot { ${fields} }`)

describe('the cover of a slot', () => {
  const cover = async (change: object) => {
    const { planId } = await createDraft(tenant, [])
    const slots = [slotInput(60, change)]
    return await mutate(tenant, 'addSlots', { planId, slots }, 'slots { id coverTimestampMs }')
  }
  const change = (slotId: string, fields: object) =>
    mutate(tenant, 'updateSlot', { slotId, ...fields }, 'slot { coverTimestampMs }')

  it('is the chosen frame, and by default the first one whose caption is complete', async () => {
    const added = await cover({})
    expect(added.slots).toMatchObject([{ coverTimestampMs: 300 }])
    expect((await cover({ coverTimestampMs: 0 })).slots).toMatchObject([{ coverTimestampMs: 0 }])
    const [{ id }] = added.slots
    expect((await change(id, { coverTimestampMs: 1_500 })).slot).toEqual({ coverTimestampMs: 1_500 })
    expect((await change(id, { caption: 'Other' })).slot).toEqual({ coverTimestampMs: 1_500 })
  })

  it.each([
    [-1, 'must be 0 or more: milliseconds from the start of the video'],
    [4_000, 'must be less than 4000: the video lasts 4 s'],
  ])('is refused outside of the video: %i ms', async (coverTimestampMs, message) => {
    expect(await cover({ coverTimestampMs })).toMatchObject({
      code: 'INVALID_INPUT',
      fields: [{ path: 'slots.0.coverTimestampMs', message }],
    })
  })

  it('is refused when a shorter video no longer has that frame', async () => {
    const longer = { ...storyboard, scenes: [...storyboard.scenes, { seconds: 2, text: 'And more' }] }
    const { slots } = await cover({ storyboard: longer, coverTimestampMs: 4_500 })
    expect(await change(slots[0].id, { storyboard })).toMatchObject({
      fields: [{ path: 'coverTimestampMs' }],
    })
  })

  it('of a draft is chosen by its creator', async () => {
    const draftOnly = { mode: 'DRAFT', ...unsaid }
    const added = await cover(draftOnly)
    expect(added.slots).toMatchObject([{ coverTimestampMs: null }])
    expect(await cover({ ...draftOnly, coverTimestampMs: 300 })).toMatchObject({
      fields: [{ path: 'slots.0.coverTimestampMs' }],
    })
  })
})

describe('a slot', () => {
  it('is a direct post by default, and needs no caption', async () => {
    const added = await add(slotInput(60, { caption: undefined }))
    expect(added.slots).toMatchObject([{ mode: 'DIRECT', caption: '', privacy: 'SELF_ONLY' }])
  })

  it('can be a draft, which needs no caption and no privacy', async () => {
    const added = await add(slotInput(60, { mode: 'DRAFT', ...unsaid }))
    expect(added.slots).toMatchObject([draft])
  })

  it('that is a draft is refused settings that its creator chooses in the app', async () => {
    const given = { mode: 'DRAFT', caption: 'x', privacy: 'SELF_ONLY', allowDuet: true, brandOrganic: true }
    const answer = await add(slotInput(60, given))
    expect(answer.code).toBe('INVALID_INPUT')
    expect(answer.fields.map(({ path }: { path: string }) => path)).toEqual([
      'slots.0.caption',
      'slots.0.privacy',
      'slots.0.allowDuet',
      'slots.0.brandOrganic',
    ])
  })

  it('that becomes a draft loses the settings of a direct post', async () => {
    const { slots } = await add(slotInput(60, { allowComment: true, brandOrganic: true }))
    expect((await update(slots[0].id, { mode: 'DRAFT' })).slot).toEqual(draft)
  })

  it('that becomes a draft is refused settings that a draft does not have', async () => {
    const { slots } = await add(slotInput())
    expect(await update(slots[0].id, { mode: 'DRAFT', caption: 'x', allowStitch: true })).toMatchObject({
      code: 'INVALID_INPUT',
      fields: [{ path: 'caption' }, { path: 'allowStitch' }],
    })
  })

  it('that becomes a direct post needs a privacy', async () => {
    const { slots } = await add(slotInput(60, { mode: 'DRAFT', ...unsaid }))
    const [{ id }] = slots
    expect(await update(id, { mode: 'DIRECT', caption: 'x' })).toMatchObject({
      code: 'INVALID_INPUT',
      fields: [{ path: 'privacy' }],
    })
    const change = { mode: 'DIRECT', caption: 'x', privacy: 'FOLLOWER_OF_CREATOR' }
    expect((await update(id, change)).slot).toMatchObject(change)
  })

  it('that is a draft stays one if a change does not contain the mode, and is refused a caption', async () => {
    const { slots } = await add(slotInput(60, { mode: 'DRAFT', ...unsaid }))
    const wallTime = new Date(Date.now() + 7_200_000).toISOString().slice(0, 19)
    expect((await update(slots[0].id, { wallTime })).slot).toEqual(draft)
    expect(await update(slots[0].id, { caption: 'x' })).toMatchObject({ fields: [{ path: 'caption' }] })
  })
})
