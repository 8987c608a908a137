import { randomBytes, randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import { describe, expect, it } from 'vitest'
import type { Approval } from '../../../machines/rules/clearance.ts'
import { findSlotToPost } from '../../../src/store/job/clearance.ts'
import { approveSlots } from '../../../src/store/plan/approvals.ts'
import { changePost, findSlots } from '../../../src/store/plan/slots.ts'
import { createDraft, createTenant, createTestApi, mutate, slotInput } from '../../graphql/support.ts'
import { createAccount } from '../../support/account.ts'
import { createOrganization, createTestDatabase } from '../../support/database.ts'
import { shortStoryboard } from '../../support/worker-fixture.ts'

const database = await createTestDatabase()
const { db } = database.runtime
const tenant = await createTenant(database, await createTestApi(database))

const localId = (id: string) => Buffer.from(id, 'base64url').toString().split(':')[1] ?? ''

async function approvalOf(
  slotId: string,
  organizationId = tenant.organizationId,
): Promise<Approval | undefined> {
  return (await findSlotToPost(db, organizationId, slotId))?.approval
}

/** Inserts a plan with a slot that is approved by SQL. */
async function insertApproved() {
  const organizationId = await createOrganization(database)
  const accountId = await createAccount(database, organizationId)
  const [planId, slotId] = [randomUUID(), randomUUID()]
  const plan = { id: planId, organization_id: organizationId, account_id: accountId, name: 'Plan' }
  await db
    .insertInto('plan')
    .values({ ...plan, time_zone: 'UTC', state: 'approved', revision: 1 })
    .execute()
  await db
    .insertInto('slot')
    .values({
      id: slotId,
      organization_id: organizationId,
      plan_id: planId,
      wall_time: '2026-11-30T09:00:00',
      publish_at: new Date('2026-11-30T09:00:00Z'),
      storyboard: JSON.stringify(shortStoryboard),
      caption: 'As approved',
      privacy: 'PUBLIC_TO_EVERYONE',
    })
    .execute()
  await insertMedia(organizationId)
  await approveSlots(db, organizationId, planId)
  return { organizationId, planId, slotId }
}

async function insertMedia(organizationId: string): Promise<void> {
  const sha256 = randomBytes(32).toString('hex')
  const facts = { bytes: 1, seconds: 3, width: 360, height: 640, content_type: 'video/mp4' }
  await db
    .insertInto('media')
    .values({ organization_id: organizationId, sha256, ...facts })
    .execute()
}

/** Another value for each column of a slot that determines its post. */
const posted: Readonly<Record<string, string>> = {
  wall_time: "'2026-11-30T10:00:00'",
  storyboard: `jsonb_set(storyboard, '{scenes,0,text}', '"Another"')`,
  mode: "'draft', caption = '', privacy = null",
  cover_timestamp_ms: '700',
  caption: "'Another'",
  media_id: '(select id from media where media.organization_id = slot.organization_id), storyboard = null',
  privacy: "'SELF_ONLY'",
  allow_comment: 'true',
  allow_duet: 'true',
  allow_stitch: 'true',
  brand_content: 'true',
  brand_organic: 'true',
  is_aigc: 'false',
}
/** An update of the time zone data may change `publish_at`; the others do not determine the post. */
const notPosted = [
  ...['id', 'organization_id', 'plan_id', 'publish_at', 'tzdata_version', 'claimed_at'],
  ...['approved_hash', 'created_at', 'updated_at'],
]

describe('the approval of a slot', () => {
  it.each(Object.entries(posted))('becomes stale with another %s', async (column, value) => {
    const { organizationId, slotId } = await insertApproved()
    expect(await approvalOf(slotId, organizationId)).toBe('current')
    await sql.raw(`update slot set ${column} = ${value} where id = '${slotId}'`).execute(db)
    expect(await approvalOf(slotId, organizationId)).toBe('stale')
  })

  it.each([
    ['time zone', "time_zone = 'Europe/Berlin'"],
    [
      'account',
      'account_id = (select id from account where organization_id = plan.organization_id limit 1 offset 1)',
    ],
  ])('becomes stale with another %s of the plan', async (_name, change) => {
    const { organizationId, planId, slotId } = await insertApproved()
    await createAccount(database, organizationId)
    await createAccount(database, organizationId)
    const before = await db
      .selectFrom('plan')
      .select('account_id')
      .where('id', '=', planId)
      .executeTakeFirst()
    const accounts = sql.raw(change.replace('limit 1 offset 1', `and id <> '${before?.account_id}' limit 1`))
    await sql`update plan set ${accounts} where id = ${planId}`.execute(db)
    expect(await approvalOf(slotId, organizationId)).toBe('stale')
  })

  it('becomes stale when the content of its media changes', async () => {
    const { organizationId, planId, slotId } = await insertApproved()
    await sql.raw(`update slot set media_id = ${posted.media_id} where id = '${slotId}'`).execute(db)
    await approveSlots(db, organizationId, planId)
    expect(await approvalOf(slotId, organizationId)).toBe('current')
    const sha256 = randomBytes(32).toString('hex')
    await db.updateTable('media').set({ sha256 }).where('organization_id', '=', organizationId).execute()
    expect(await approvalOf(slotId, organizationId)).toBe('stale')
  })

  it('stays current when only the instant changes', async () => {
    const { organizationId, slotId } = await insertApproved()
    await db.updateTable('slot').set({ publish_at: new Date() }).where('id', '=', slotId).execute()
    expect(await approvalOf(slotId, organizationId)).toBe('current')
  })

  it('is tested or excluded for every column of a slot', async () => {
    const { rows } = await sql<{ name: string }>`
      select column_name as name from information_schema.columns
       where table_schema = 'reelpilot' and table_name = 'slot'`.execute(db)
    expect(rows.map(({ name }) => name).sort()).toEqual([...Object.keys(posted), ...notPosted].sort())
  })
})

describe('slot approvals through the API', () => {
  const plan = async () => {
    const draft = await createDraft(tenant, [2_000, 2_100])
    const [first = '', second = ''] = draft.slotIds.map(localId)
    await mutate(tenant, 'submitPlanForReview', { planId: draft.planId })
    return { ...draft, first, second }
  }
  const approved = async () => {
    const planned = await plan()
    await mutate(tenant, 'approvePlan', { planId: planned.planId })
    return planned
  }
  const approvals = async ({ first, second }: { readonly first: string; readonly second: string }) => [
    await approvalOf(first),
    await approvalOf(second),
  ]

  it('are set for every slot when a plan is approved', async () => {
    const planned = await plan()
    expect(await approvals(planned)).toEqual(['none', 'none'])
    await mutate(tenant, 'approvePlan', { planId: planned.planId })
    expect(await approvals(planned)).toEqual(['current', 'current'])
  })

  it('are withdrawn for an edited slot only', async () => {
    const planned = await approved()
    const [slotId] = planned.slotIds
    await mutate(tenant, 'updateSlot', { slotId, caption: 'Edited' }, 'slot { id }')
    expect(await approvals(planned)).toEqual(['none', 'current'])
    await mutate(tenant, 'addSlots', { planId: planned.planId, slots: [slotInput(2_200)] }, 'plan { id }')
    expect(await approvals(planned)).toEqual(['none', 'current'])
  })

  it('are withdrawn by another time zone, but not by another name', async () => {
    const planned = await approved()
    await mutate(tenant, 'updatePlan', { planId: planned.planId, name: 'Renamed' }, 'plan { id }')
    expect(await approvals(planned)).toEqual(['current', 'current'])
    await mutate(tenant, 'updatePlan', { planId: planned.planId, timeZone: 'Asia/Tokyo' }, 'plan { id }')
    expect(await approvals(planned)).toEqual(['none', 'none'])
  })

  it('are withdrawn by a rejection, except for slots that were posted', async () => {
    const planned = await approved()
    const { planId } = planned
    await insertSentJob(planned.second)
    await mutate(tenant, 'updatePlan', { planId, name: 'Under review again' }, 'plan { id }')
    await mutate(tenant, 'submitPlanForReview', { planId })
    await mutate(tenant, 'rejectPlan', { planId })
    expect(await approvals(planned)).toEqual(['none', 'current'])
  })
})

async function insertSentJob(slotId: string): Promise<void> {
  await sql`
    insert into machine_instance (id, organization_id, slot_id, machine, version, state, tag, context, revision)
    values (${randomUUID()}, ${tenant.organizationId}, ${slotId}, 'job', 3, 'published', 'settled',
            '{"sentAt": 1}', 1)`.execute(db)
}

it('a change of the post of a slot leaves its time, mode and video as they are, and withdraws its approval', async () => {
  const { organizationId, slotId } = await insertApproved()
  const [before] = await findSlots(db, organizationId, [slotId])
  if (!before) throw new Error('the slot is missing')
  await changePost(db, slotId, {
    ...before,
    caption: 'Another caption',
    isAigc: false,
    wallTime: '2026-12-01T09:00:00',
    publishAt: new Date('2026-12-01T09:00:00Z'),
    tzdataVersion: '2099a',
    storyboard: {},
  })
  const [after] = await findSlots(db, organizationId, [slotId])
  expect(after).toEqual({ ...before, caption: 'Another caption', isAigc: false, updatedAt: after?.updatedAt })
  expect(await approvalOf(slotId, organizationId)).not.toBe('current')
})
