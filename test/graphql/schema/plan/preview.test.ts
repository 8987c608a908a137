import { randomUUID } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { createTestDatabase } from '../../../support/database.ts'
import { type Answer, createDraft, createTenant, createTestApi, mutate, storyboard } from '../../support.ts'

const database = await createTestDatabase()
const { db } = database.runtime
const api = await createTestApi(database)
const tenant = await createTenant(database, api)

const fields = 'job { id state purpose slot { id } } slot { id preview { isCurrent job { id state } } }'
const render = (slotId: string, by = tenant) => mutate(by, 'renderPreview', { slotId }, fields)
const changed = { ...storyboard, title: 'Changed' }

it('a preview has a job of its own, is returned when it is asked for again, and leaves the slot unclaimed', async () => {
  const { slotIds } = await createDraft(tenant, [60])
  const [slotId = ''] = slotIds
  const first = await render(slotId)
  expect(first).toMatchObject({
    job: { state: 'queued', purpose: 'PREVIEW', slot: null },
    slot: { id: slotId, preview: { isCurrent: true, job: first.job && { id: first.job.id } } },
  })
  expect((await render(slotId)).job.id).toBe(first.job.id)
  const query = 'query ($id: ID!) { node(id: $id) { ... on Slot { claimedAt job { id } } } }'
  expect(await tenant.request(query, { id: slotId })).toEqual({ node: { claimedAt: null, job: null } })
})

it('a preview is no longer current once its storyboard has changed', async () => {
  const { slotIds } = await createDraft(tenant, [60])
  const [slotId = ''] = slotIds
  const { job } = await render(slotId)
  const isCurrent = 'slot { preview { isCurrent } }'
  const caption = await mutate(tenant, 'updateSlot', { slotId, caption: 'Other' }, isCurrent)
  expect(caption.slot).toEqual({ preview: { isCurrent: true } })
  const content = await mutate(tenant, 'updateSlot', { slotId, content: { storyboard: changed } }, isCurrent)
  expect(content.slot).toEqual({ preview: { isCurrent: false } })
  const second = await render(slotId)
  expect(second.job.id).not.toBe(job.id)
  expect(second.slot.preview).toMatchObject({ isCurrent: true, job: { id: second.job.id } })
})

it('a preview is refused for a slot with a media, of another organization or an archived plan, and without quota', async () => {
  const { slotIds } = await createDraft(tenant, [60])
  const [slotId = ''] = slotIds
  const other = await createTenant(database, api)
  expect(await render(slotId, other)).toMatchObject({ code: 'NOT_FOUND', field: 'slotId' })

  const mediaId = randomUUID()
  const facts = { bytes: 1, seconds: 4, width: 360, height: 640, content_type: 'video/mp4' }
  await db
    .insertInto('media')
    .values({ id: mediaId, organization_id: tenant.organizationId, sha256: 'a'.repeat(64), ...facts })
    .execute()
  const content = { mediaId: Buffer.from(`Media:${mediaId}`).toString('base64url') }
  await mutate(tenant, 'updateSlot', { slotId, content }, 'slot { id }')
  expect(await render(slotId)).toMatchObject({ code: 'INVALID_INPUT', fields: [{ path: 'slotId' }] })

  // The storyboard takes four seconds.
  const limit = { metric: 'SECONDS', period: 'DAY', amount: 3, enforcement: 'HARD' }
  await mutate(other, 'setQuotaLimit', limit, 'quota { metric }')
  const poor = await createDraft(other, [60])
  const [poorSlot = ''] = poor.slotIds
  expect(await render(poorSlot, other)).toMatchObject({ code: 'QUOTA_EXCEEDED' })
  await mutate(other, 'archivePlan', { planId: poor.planId })
  expect(await render(poorSlot, other)).toMatchObject({ code: 'NOT_PERMITTED_IN_STATE', state: 'archived' })
})

it('a slot with a preview can be removed, and its preview goes on without it', async () => {
  const { slotIds } = await createDraft(tenant, [60])
  const [slotId = ''] = slotIds
  const { job } = await render(slotId)
  expect(await mutate(tenant, 'removeSlot', { slotId }, 'removedSlotId')).toMatchObject({
    removedSlotId: slotId,
  })
  const query = 'query ($id: ID!) { job(id: $id) { state slot { id } } }'
  expect(await tenant.request(query, { id: job.id })).toEqual({ job: { state: 'queued', slot: null } })
})

describe('a plan that is rendered before its review', () => {
  const beforeReview = async (by = tenant) => {
    const draft = await createDraft(by, [60, 70])
    await mutate(by, 'updatePlan', { planId: draft.planId, rendering: 'BEFORE_REVIEW' }, 'plan { rendering }')
    return draft
  }
  const previewsOf = async (planId: string, by = tenant) => {
    const query = `query ($id: ID!) { plan(id: $id) { state rendering slots { nodes { preview { isCurrent job { id } } } } } }`
    const { plan } = await by.request(query, { id: planId })
    return { ...plan, jobs: plan.slots.nodes.map(({ preview }: Answer) => preview?.job.id ?? null) }
  }

  it('renders the storyboards of its slots when it is submitted, and after a change those that changed', async () => {
    const { planId, slotIds } = await beforeReview()
    expect(await previewsOf(planId)).toMatchObject({ rendering: 'BEFORE_REVIEW', jobs: [null, null] })
    await mutate(tenant, 'submitPlanForReview', { planId })
    const first = await previewsOf(planId)
    expect(first.jobs).toEqual([expect.any(String), expect.any(String)])
    const change = { slotId: slotIds[1], content: { storyboard: changed } }
    await mutate(tenant, 'updateSlot', change, 'slot { id }')
    await mutate(tenant, 'submitPlanForReview', { planId })
    const second = await previewsOf(planId)
    expect(second.jobs[0]).toBe(first.jobs[0])
    expect(second.jobs[1]).not.toBe(first.jobs[1])
  })

  it('stays a draft without previews if there is too little quota for all of them', async () => {
    const other = await createTenant(database, api)
    const { planId } = await beforeReview(other)
    // Enough for one of the two slots.
    const limit = { metric: 'SECONDS', period: 'DAY', amount: 4, enforcement: 'HARD' }
    await mutate(other, 'setQuotaLimit', limit, 'quota { metric }')
    expect(await mutate(other, 'submitPlanForReview', { planId })).toMatchObject({ code: 'QUOTA_EXCEEDED' })
    expect(await previewsOf(planId, other)).toMatchObject({ state: 'DRAFT', jobs: [null, null] })
  })

  it('is not the default', async () => {
    const { planId } = await createDraft(tenant, [60])
    await mutate(tenant, 'submitPlanForReview', { planId })
    const plan = await previewsOf(planId)
    expect(plan).toMatchObject({ state: 'IN_REVIEW', rendering: 'AFTER_APPROVAL', jobs: [null] })
  })
})
