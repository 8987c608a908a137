import { sql } from 'kysely'
import { beforeEach, describe, expect, it } from 'vitest'
import { createTestDatabase } from '../../../support/database.ts'
import {
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
let tenant: Tenant

beforeEach(async () => {
  tenant = await createTenant(database, api)
})

/** A private account that allows no interaction and videos of at most ten seconds. */
const strict = {
  privacyLevelOptions: ['SELF_ONLY', 'FOLLOWER_OF_CREATOR'],
  commentDisabled: true,
  duetDisabled: true,
  stitchDisabled: true,
  maxDurationSeconds: 10,
}
const lenient = {
  privacyLevelOptions: ['PUBLIC_TO_EVERYONE', 'SELF_ONLY'],
  commentDisabled: false,
  duetDisabled: false,
  stitchDisabled: false,
  maxDurationSeconds: 600,
}
const longer = {
  ...storyboard,
  scenes: [
    { seconds: 6, text: 'A first scene' },
    { seconds: 6, text: 'And a second' },
  ],
}
/** Slot settings that all violate the strict creator's rules. */
const forbidden = {
  storyboard: longer,
  privacy: 'PUBLIC_TO_EVERYONE',
  allowComment: true,
  allowDuet: true,
  allowStitch: true,
}
const rules = ['storyboard', 'privacy', 'allowComment', 'allowDuet', 'allowStitch']

const learn = (creator: object) =>
  sql`update account set creator = ${JSON.stringify(creator)}::jsonb, creator_fetched_at = now()
       where id = ${tenant.accountId}`.execute(db)
const pathsOf = (answer: { readonly fields: readonly { readonly path: string }[] }) =>
  answer.fields.map(({ path }) => path)

async function add(slots: readonly object[]) {
  const { planId } = await createDraft(tenant, [])
  return { planId, added: await mutate(tenant, 'addSlots', { planId, slots }, 'slots { id }') }
}

describe('a planned slot', () => {
  it('is refused with every creator setting that it violates and all other mistakes of all slots', async () => {
    await learn(strict)
    const { added } = await add([
      slotInput(60, forbidden),
      slotInput(70),
      slotInput(-5, { allowDuet: true, caption: 'x'.repeat(2_201) }),
    ])
    expect(added.code).toBe('INVALID_INPUT')
    expect(pathsOf(added)).toEqual([
      ...rules.map((field) => `slots.0.${field}`),
      'slots.2.wallTime',
      'slots.2.caption',
      'slots.2.allowDuet',
    ])
    expect(added.fields[0].message).toBe('lasts 12 s; this creator may post at most 10 s')
    expect(added.fields[1].message).toContain('SELF_ONLY, FOLLOWER_OF_CREATOR')
  })

  it('is accepted if its creator allows its settings or the creator’s settings are unknown', async () => {
    expect((await add([slotInput(60, forbidden)])).added.__typename).toBe('AddSlotsPayload')
    await learn(lenient)
    expect((await add([slotInput(60, forbidden)])).added.__typename).toBe('AddSlotsPayload')
  })

  it('is accepted as a draft, because the creator chooses its settings in the app', async () => {
    await learn(strict)
    const draft = { mode: 'DRAFT', caption: undefined, privacy: undefined, storyboard: longer }
    expect((await add([slotInput(60, draft)])).added.__typename).toBe('AddSlotsPayload')
  })

  it('is validated again when it is changed', async () => {
    await learn(strict)
    const { added } = await add([slotInput(60)])
    const [{ id: slotId }] = added.slots
    const changed = await mutate(tenant, 'updateSlot', { slotId, ...forbidden }, 'slot { id }')
    expect(pathsOf(changed)).toEqual(rules)
  })
})

describe('approving a plan', () => {
  const violations = `mutation ($input: ApprovePlanInput!) { approvePlan(input: $input) {
    __typename ... on ApprovePlanPayload { plan { state } }
    ... on CreatorSettingsViolationError { code violations { slotId path message } } } }`
  const approve = async (planId: string) =>
    (await tenant.request(violations, { input: { planId } })).approvePlan

  it('is refused with every slot and setting that its creator no longer allows, and leaves it in review', async () => {
    const { planId, added } = await add([
      slotInput(60, { allowDuet: true }),
      slotInput(70),
      slotInput(80, { allowStitch: true, privacy: 'PUBLIC_TO_EVERYONE' }),
    ])
    await mutate(tenant, 'submitPlanForReview', { planId })
    await learn(strict)
    const [first, , third] = added.slots
    expect(await approve(planId)).toEqual({
      __typename: 'CreatorSettingsViolationError',
      code: 'CREATOR_SETTINGS_VIOLATION',
      violations: [
        { slotId: first.id, path: 'allowDuet', message: expect.any(String) },
        { slotId: third.id, path: 'privacy', message: expect.any(String) },
        { slotId: third.id, path: 'allowStitch', message: expect.any(String) },
      ],
    })
    await learn(lenient)
    expect(await approve(planId)).toMatchObject({ plan: { state: 'APPROVED' } })
  })

  it('ignores slots whose time has passed', async () => {
    const { planId, added } = await add([slotInput(60, { allowDuet: true })])
    await mutate(tenant, 'submitPlanForReview', { planId })
    await learn(strict)
    const rowId = Buffer.from(added.slots[0].id, 'base64url').toString().slice('Slot:'.length)
    await sql`update slot set publish_at = now() - interval '2 hours' where id = ${rowId}`.execute(db)
    expect(await approve(planId)).toMatchObject({ plan: { state: 'APPROVED' } })
  })
})

it('the slots at risk include those that violate their creator’s settings, with every violation', async () => {
  const { added } = await add([slotInput(60, forbidden), slotInput(70)])
  await learn(strict)
  const { accounts } = await tenant.request(`{ accounts { nodes { health { status slotsAtRiskCount
    slotsAtRisk { slot { id } failure { code verdict message nextStep } } } } } }`)
  const { health } = accounts.nodes[0]
  expect(health).toMatchObject({
    status: 'HEALTHY',
    slotsAtRiskCount: 1,
    slotsAtRisk: [
      { slot: { id: added.slots[0].id }, failure: { code: 'POST_DURATION', verdict: 'FIX_MEDIA' } },
    ],
  })
  const { message, nextStep } = health.slotsAtRisk[0].failure
  for (const each of ['12 s', 'PUBLIC_TO_EVERYONE', 'Comments', 'Duets', 'Stitches'])
    expect(message).toContain(each)
  expect(nextStep).toBeTruthy()
})

describe('the AI-generated label', () => {
  const problem = { path: 'isAigc', message: expect.stringContaining('must be true: the video is generated') }

  it('is always set on a generated video', async () => {
    const { planId } = await createDraft(tenant, [])
    const slots = [slotInput(60), slotInput(70, { isAigc: true })]
    const added = await mutate(tenant, 'addSlots', { planId, slots }, 'slots { id isAigc }')
    expect(added.slots).toMatchObject([{ isAigc: true }, { isAigc: true }])
    const [{ id: slotId }] = added.slots
    const changed = await mutate(tenant, 'updateSlot', { slotId, isAigc: true }, 'slot { isAigc }')
    expect(changed.slot).toEqual({ isAigc: true })
  })

  it('cannot be left off a generated video', async () => {
    const refused = (await add([slotInput(60, { isAigc: false })])).added
    expect(refused).toMatchObject({
      code: 'INVALID_INPUT',
      fields: [{ ...problem, path: 'slots.0.isAigc' }],
    })
    const { added } = await add([slotInput(60)])
    const [{ id: slotId }] = added.slots
    expect(await mutate(tenant, 'updateSlot', { slotId, isAigc: false }, 'slot { isAigc }')).toMatchObject({
      code: 'INVALID_INPUT',
      fields: [problem],
    })
  })

  it('cannot be chosen for a draft, because its creator sets it', async () => {
    const draft = { mode: 'DRAFT', caption: undefined, privacy: undefined }
    expect(pathsOf((await add([slotInput(60, { ...draft, isAigc: false })])).added)).toEqual([
      'slots.0.isAigc',
    ])
    const { added } = await add([slotInput(60, draft)])
    expect(added.__typename).toBe('AddSlotsPayload')
  })
})

describe('a plan with more posts than its creator’s daily cap', () => {
  const late = 'latePosts { slot { id } earliestPublishAt isTooLate }'
  const minutes = (count: number, from: number, every: number) =>
    Array.from({ length: count }, (_, index) => from + index * every)

  async function approve(each: readonly number[]) {
    const draft = await createDraft(tenant, each)
    await mutate(tenant, 'submitPlanForReview', { planId: draft.planId })
    return { ...draft, answer: await mutate(tenant, 'approvePlan', { planId: draft.planId }, late) }
  }

  it('lists at its approval which of its posts will wait, and until when', async () => {
    const { slotIds, answer } = await approve(minutes(20, 60, 60))
    expect(answer.latePosts.map(({ slot }: { slot: { id: string } }) => slot.id)).toEqual(slotIds.slice(15))
    // 24 hours after the first post of the day, plus a margin of ten minutes.
    for (const { earliestPublishAt, isTooLate } of answer.latePosts) {
      const afterNow = (Date.parse(earliestPublishAt) - Date.now()) / 60_000
      expect(Math.abs(afterNow - (60 + 24 * 60 + 10))).toBeLessThan(2)
      expect(isTooLate).toBe(true)
    }
  })

  it('lists no posts if the cap permits all of them', async () => {
    expect((await approve(minutes(15, 60, 60))).answer.latePosts).toEqual([])
    expect((await approve(minutes(1, 60 + 25 * 60 + 11, 60))).answer.latePosts).toEqual([])
  })

  it('counts the posts of the last 24 hours', async () => {
    const made = await createDraft(tenant, minutes(15, 60, 1))
    const ids = made.slotIds.map((id) => Buffer.from(id, 'base64url').toString().slice('Slot:'.length))
    const sentAt = Date.now() - 23 * 3_600_000
    await sql`
      insert into machine_instance (id, organization_id, slot_id, account_id, machine, version, state, tag, context, revision)
      select gen_random_uuid(), ${tenant.organizationId}, id, ${tenant.accountId}, 'job', 1, 'published', 'settled',
             jsonb_build_object('sentAt', ${sentAt}::bigint), 1 from slot where id = any(${ids}::uuid[])`.execute(
      db,
    )
    const { slotIds, answer } = await approve([30, 90])
    expect(answer.latePosts).toMatchObject([{ slot: { id: slotIds[0] }, isTooLate: false }])
  })

  it('counts the posts of other approved plans', async () => {
    await approve(minutes(14, 60, 10))
    const second = await approve([500, 510])
    expect(second.answer.latePosts).toMatchObject([{ slot: { id: second.slotIds[1] } }])
    await createDraft(tenant, minutes(5, 70, 10)) // An unapproved plan does not count.
    expect((await approve([60 + 24 * 60 + 12])).answer.latePosts).toEqual([])
  })

  it('lists a post that waits for less than an hour as not too late, and counts it for the next one', async () => {
    const { slotIds, answer } = await approve([...minutes(15, 60, 1), 60 + 24 * 60 - 20, 60 + 24 * 60 + 5])
    expect(answer.latePosts).toMatchObject([
      { slot: { id: slotIds[15] }, isTooLate: false },
      { slot: { id: slotIds[16] }, isTooLate: false },
    ])
    const [first, second] = answer.latePosts.map(({ earliestPublishAt }: { earliestPublishAt: string }) =>
      Date.parse(earliestPublishAt),
    )
    expect(second - first).toBe(60_000)
  })

  it('uses the daily cap that the organization has set', async () => {
    await sql`insert into rate_limit_setting (organization_id, name, max_calls) values (${tenant.organizationId}, 'posts', 1)`.execute(
      db,
    )
    expect((await approve([60, 90])).answer.latePosts).toHaveLength(1)
  })
})
