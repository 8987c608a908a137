import { sql } from 'kysely'
import { beforeAll, describe, expect, it } from 'vitest'
import { findSlotToPost } from '../../../../src/store/job/clearance.ts'
import { createTestDatabase, type TestDatabase } from '../../../support/database.ts'
import {
  createDraft,
  createRunningPlan,
  createTenant,
  createTestApi,
  globalId,
  mutate,
  slotInput,
  storyboard,
  type Tenant,
} from '../../support.ts'

let database: TestDatabase
let tenant: Tenant

beforeAll(async () => {
  database = await createTestDatabase()
  tenant = await createTenant(database, await createTestApi(database))
})

describe('a plan', () => {
  it('is not found by an id of another type, even if the rest of the id is its own', async () => {
    const other = await createTenant(database, await createTestApi(database))
    const { planId } = await createDraft(other)
    const uuid = Buffer.from(planId, 'base64url').toString().split(':')[1] ?? ''
    expect(globalId('Plan', uuid)).toBe(planId)
    expect(await mutate(other, 'submitPlanForReview', { planId: globalId('Slot', uuid) })).toMatchObject({
      __typename: 'NotFoundError',
    })
    expect(await mutate(other, 'submitPlanForReview', { planId })).toMatchObject({
      plan: { state: 'IN_REVIEW' },
    })
  })

  it('goes from draft to approval, which starts the jobs of its next 24 hours', async () => {
    const { planId } = await createDraft(tenant, [60, 120, 3 * 24 * 60])
    const read = (query: string) => tenant.request(query, { id: planId })

    expect(await mutate(tenant, 'submitPlanForReview', { planId })).toMatchObject({
      plan: { state: 'IN_REVIEW' },
    })
    expect(await mutate(tenant, 'setAutopilot', { planId, enabled: true })).toMatchObject({ scan: null })
    expect(await mutate(tenant, 'approvePlan', { planId })).toMatchObject({
      plan: { state: 'APPROVED', isAutopilotEnabled: true },
      scan: { consideredSlotCount: 2, startedJobCount: 2 },
    })
    const { plan } = await read(`query ($id: ID!) { plan(id: $id) {
      availableEvents
      slots { nodes { claimedAt job { state tag } decisions { nodes { outcome scan { reason } } } } }
    } }`)
    expect(plan.availableEvents).toEqual(expect.arrayContaining(['edit', 'lock', 'archive']))
    expect(plan.slots.nodes).toMatchObject([
      {
        job: { state: 'queued', tag: 'WORKING' },
        decisions: { nodes: [{ outcome: 'ENQUEUED', scan: { reason: 'APPROVAL' } }] },
      },
      { job: { state: 'queued' } },
      { job: null, claimedAt: null, decisions: { nodes: [] } },
    ])
  })

  it('loses its approval when it is edited', async () => {
    const { planId } = await createRunningPlan(tenant, [3 * 24 * 60])
    const added = await mutate(
      tenant,
      'addSlots',
      { planId, slots: [slotInput(4 * 24 * 60)] },
      'plan { state approvedAt }',
    )
    expect(added).toEqual({ __typename: 'AddSlotsPayload', plan: { state: 'DRAFT', approvedAt: null } })
  })

  it('refuses an event that its state does not permit, and names the state', async () => {
    const { planId } = await createDraft(tenant, [])
    expect(await mutate(tenant, 'approvePlan', { planId })).toMatchObject({
      __typename: 'NotPermittedInStateError',
      code: 'NOT_PERMITTED_IN_STATE',
      state: 'draft',
      event: 'approve',
    })
    expect(await mutate(tenant, 'submitPlanForReview', { planId })).toMatchObject({
      state: 'draft',
      event: 'submit',
    })
  })

  it('is neither edited nor scanned while it is locked, and is scanned when it is unlocked', async () => {
    const { planId } = await createDraft(tenant, [60])
    await mutate(tenant, 'submitPlanForReview', { planId })
    await mutate(tenant, 'setAutopilot', { planId, enabled: true })
    expect(await mutate(tenant, 'lockPlan', { planId })).toMatchObject({ plan: { isLocked: true } })
    expect(await mutate(tenant, 'addSlots', { planId, slots: [slotInput()] }, 'plan { id }')).toMatchObject({
      event: 'edit',
    })
    expect(await mutate(tenant, 'approvePlan', { planId })).toMatchObject({
      plan: { state: 'APPROVED' },
      scan: null,
    })
    const { runScan } = await tenant.request(`mutation { runScan(input: {}) { ... on RunScanPayload {
      scan { decisions(first: 100) { nodes { outcome slot { plan { id } } } } } } } }`)
    const ours = runScan.scan.decisions.nodes.filter(
      (each: { slot: { plan: { id: string } } }) => each.slot.plan.id === planId,
    )
    expect(ours).toMatchObject([{ outcome: 'PLAN_LOCKED' }])
    expect(await mutate(tenant, 'unlockPlan', { planId })).toMatchObject({ scan: { startedJobCount: 1 } })
  })

  it('moves its unclaimed slots to the new zone when the zone changes', async () => {
    const { planId } = await createDraft(tenant, [5 * 24 * 60])
    const before = await tenant.request(
      'query ($id: ID!) { plan(id: $id) { slots { nodes { wallTime publishAt } } } }',
      { id: planId },
    )
    const after = await mutate(
      tenant,
      'updatePlan',
      { planId, timeZone: 'Asia/Tokyo', name: 'Tokyo' },
      'plan { name timeZone slots { nodes { wallTime publishAt } } }',
    )
    expect(after.plan).toMatchObject({ name: 'Tokyo', timeZone: 'Asia/Tokyo' })
    const [was] = before.plan.slots.nodes
    const [is] = after.plan.slots.nodes
    expect(is.wallTime).toBe(was.wallTime)
    expect(Date.parse(was.publishAt) - Date.parse(is.publishAt)).toBe(9 * 3_600_000)
  })

  it('appends an event for each change', async () => {
    const other = await createTenant(database, await createTestApi(database))
    await createRunningPlan(other, [60])
    const { events } = await other.request('{ events { nodes { sequence type plan { id } job { id } } } }')
    expect(events.nodes.map(({ type }: { type: string }) => type)).toEqual([
      'apiKey.created',
      'plan.created',
      'slots.added',
      'plan.submitted',
      'plan.autopilotChanged',
      'job.transitioned',
      'quota.reserved',
      'plan.approved',
    ])
    expect(events.nodes.map(({ sequence }: { sequence: number }) => sequence)).toEqual([
      1, 2, 3, 4, 5, 6, 7, 8,
    ])
  })
})

describe('invalid input for plans', () => {
  it('is refused with all of its mistakes: an unknown time zone and an empty name', async () => {
    const answer = await mutate(
      tenant,
      'createPlan',
      { accountId: tenant.ids.account, name: '  ', timeZone: 'Mars/Olympus' },
      'plan { id }',
    )
    expect(answer).toMatchObject({ __typename: 'InvalidInputError', code: 'INVALID_INPUT' })
    expect(answer.fields.map(({ path }: { path: string }) => path)).toEqual(['name', 'timeZone'])
  })

  it('is refused with every mistake of every slot, and adds none of them', async () => {
    const { planId } = await createDraft(tenant, [])
    const answer = await mutate(
      tenant,
      'addSlots',
      {
        planId,
        slots: [
          slotInput(),
          slotInput(-5),
          slotInput(60, { caption: 'x'.repeat(2_201) }),
          slotInput(60, {
            storyboard: { ...storyboard, scenes: [storyboard.scenes[0], { seconds: 2, text: '' }] },
          }),
          slotInput(60, { wallTime: '2026-02-30T10:00:00' }),
        ],
      },
      'plan { id }',
    )
    expect(answer.fields.map(({ path }: { path: string }) => path)).toEqual([
      'slots.1.wallTime',
      'slots.2.caption',
      'slots.3.storyboard.scenes.1.text',
      'slots.4.wallTime',
    ])
    const { plan } = await tenant.request(
      'query ($id: ID!) { plan(id: $id) { revision slots { nodes { id } } } }',
      { id: planId },
    )
    expect(plan).toEqual({ revision: 1, slots: { nodes: [] } })
  })

  it('does not include a caption of exactly 2,200 UTF-16 code units', async () => {
    const { planId } = await createDraft(tenant, [])
    const answer = await mutate(
      tenant,
      'addSlots',
      { planId, slots: [slotInput(60, { caption: '🎬'.repeat(1_100) })] },
      'slots { id }',
    )
    expect(answer.__typename).toBe('AddSlotsPayload')
  })

  it('includes a slot without a privacy, which has no default', async () => {
    const { planId } = await createDraft(tenant, [])
    const slots = [slotInput(), slotInput(70, { privacy: undefined }), slotInput(80, { privacy: null })]
    const answer = await mutate(tenant, 'addSlots', { planId, slots }, 'slots { id }')
    expect(answer.code).toBe('INVALID_INPUT')
    expect(answer.fields.map(({ path }: { path: string }) => path)).toEqual([
      'slots.1.privacy',
      'slots.2.privacy',
    ])
  })

  it.each([
    ['nonsense'],
    [''],
    [Buffer.from('Plan:nonsense').toString('base64url')],
    [Buffer.from('Job:1').toString('base64url')],
  ])('includes the plan id "%s", which is not found', async (planId) => {
    expect(await mutate(tenant, 'archivePlan', { planId })).toMatchObject({
      code: 'NOT_FOUND',
      field: 'planId',
    })
    expect(
      await tenant.request('query ($id: ID!) { plan(id: $id) { id } node(id: $id) { id } }', { id: planId }),
    ).toEqual({
      plan: null,
      node: null,
    })
  })
})

describe('a slot', () => {
  const change = `mutation ($input: UpdateSlotInput!) { updateSlot(input: $input) { __typename
    ... on UpdateSlotPayload { slot { caption privacy wallTime job { id } } heldJobs { id }
      unstoppableJobs { id } } ... on Error { code }
    ... on InvalidInputError { fields { path } } } }`

  it('is changed only in the fields that the input contains', async () => {
    const { slotIds } = await createDraft(tenant, [90])
    const answer = await tenant.request(change, {
      input: { slotId: slotIds[0], caption: 'Another', privacy: null },
    })
    expect(answer.updateSlot).toMatchObject({ slot: { caption: 'Another', privacy: 'SELF_ONLY' } })
  })

  it('refuses an invalid change with the field’s path', async () => {
    const { slotIds } = await createDraft(tenant, [90])
    const answer = await tenant.request(change, {
      input: { slotId: slotIds[0], wallTime: '2020-01-01T00:00:00' },
    })
    expect(answer.updateSlot).toMatchObject({ code: 'INVALID_INPUT', fields: [{ path: 'wallTime' }] })
  })

  it('that a job has claimed cannot be removed, nor its time, storyboard or mode be changed', async () => {
    const { slotIds } = await createRunningPlan(tenant, [60])
    const [slotId] = slotIds
    const { wallTime } = slotInput(90) as { readonly wallTime: string }
    for (const work of [{ wallTime }, { storyboard }, { mode: 'DRAFT' }]) {
      const changed = await tenant.request(change, { input: { slotId, ...work } })
      expect(changed.updateSlot).toMatchObject({ __typename: 'SlotClaimedError', code: 'SLOT_CLAIMED' })
    }
    expect(await mutate(tenant, 'removeSlot', { slotId }, 'removedSlotId')).toMatchObject({
      code: 'SLOT_CLAIMED',
    })
  })

  it('that a job has claimed can be changed in its caption and settings until the post is opened, and loses its approval', async () => {
    const { planId, slotIds } = await createRunningPlan(tenant, [60])
    const [slotId = ''] = slotIds
    const { db } = database.runtime
    const rowId = Buffer.from(slotId, 'base64url').toString().slice('Slot:'.length)
    const approval = async () => (await findSlotToPost(db, tenant.organizationId, rowId))?.approval
    const wanted = { caption: 'Better', privacy: 'PUBLIC_TO_EVERYONE' }
    const edit = async () =>
      (await tenant.request(change, { input: { slotId, ...wanted, allowDuet: true, isAigc: true } }))
        .updateSlot
    const be = (state: string, step: string | null, more: object = {}) =>
      sql`update machine_instance set state = ${state}, step = ${step}::jsonb, context = context || ${JSON.stringify(more)}::jsonb,
                 tag = ${step === null ? 'waiting' : 'working'} where slot_id = ${rowId}`.execute(db)

    expect(await approval()).toBe('current')
    const edited = await edit()
    expect(edited).toMatchObject({ slot: wanted, heldJobs: [edited.slot.job], unstoppableJobs: [] })
    expect(await approval()).toBe('none')
    await mutate(tenant, 'submitPlanForReview', { planId })
    await mutate(tenant, 'approvePlan', { planId })
    expect(await approval()).toBe('current')

    // Even after its time has passed, because the time itself is unchanged.
    await sql`update slot set wall_time = '2020-01-01T00:00:00' where id = ${rowId}`.execute(db)
    for (const [state, step] of [
      ['awaitingSlot', null],
      ['publishing.preparing', '{}'],
      ['publishing.backingOff', null],
    ] as const) {
      await be(state, step)
      expect(await edit()).toMatchObject({ slot: wanted })
    }
    for (const [state, step, more] of [
      ['publishing.initialising', '{}', {}],
      ['publishing.backingOff', null, { outcomeUnknown: true }],
      ['publishing.backingOff', null, { outcomeUnknown: false, post: { publishId: 'p' } }],
      ['watching.accepted', null, { post: null, sentAt: 1 }],
      ['backingOff', null, { sentAt: null, ending: 'failed' }],
      ['closing', '{}', { ending: null }],
    ] as const) {
      await be(state, step, more)
      expect(await edit(), `${state} ${JSON.stringify(more)}`).toMatchObject({ code: 'SLOT_CLAIMED' })
    }
  })

  it('can be removed before a job has claimed it', async () => {
    const { planId, slotIds } = await createDraft(tenant, [60, 90])
    const [slotId] = slotIds
    expect(
      await mutate(tenant, 'removeSlot', { slotId }, 'removedSlotId plan { slots { nodes { id } } }'),
    ).toMatchObject({
      removedSlotId: slotId,
      plan: { slots: { nodes: [{ id: slotIds[1] }] } },
    })
    expect(await tenant.request('query ($id: ID!) { node(id: $id) { id } }', { id: slotId })).toEqual({
      node: null,
    })
    expect(planId).toBeTruthy()
  })
})
