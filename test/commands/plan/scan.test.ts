import { sql } from 'kysely'
import { beforeEach, describe, expect, it } from 'vitest'
import type { CommandDeps } from '../../../src/commands/command-deps.ts'
import { scanOrganization } from '../../../src/commands/plan/scan.ts'
import { createDraft, createTenant, createTestApi, mutate, type Tenant } from '../../graphql/support.ts'
import { createCommandDeps } from '../../support/command-deps.ts'
import { createTestDatabase } from '../../support/database.ts'

const database = await createTestDatabase()
const { db } = database.runtime
const deps: CommandDeps = await createCommandDeps(database)
const api = await createTestApi(database)
let tenant: Tenant

beforeEach(async () => {
  tenant = await createTenant(database, api)
})

const day = 24 * 60

/** An approved plan on autopilot with one slot that no scan has considered yet. */
async function createReadyPlan(minutes = 60): Promise<{ readonly planId: string; readonly slotId: string }> {
  const { planId, slotIds } = await createDraft(tenant, [60])
  await mutate(tenant, 'submitPlanForReview', { planId })
  await mutate(tenant, 'lockPlan', { planId })
  await mutate(tenant, 'approvePlan', { planId })
  const [plan, slot] = [rowId(planId), rowId(slotIds[0])]
  await sql`update plan set autopilot = true, locked = false where id = ${plan}`.execute(db)
  await sql`update slot set publish_at = now() + make_interval(mins => ${minutes}) where id = ${slot}`.execute(
    db,
  )
  return { planId: plan, slotId: slot }
}

function rowId(globalId = ''): string {
  return Buffer.from(globalId, 'base64url').toString().split(':')[1] ?? ''
}

const change = (what: ReturnType<typeof sql>) => what.execute(db)

/** What a scan decides about a slot; null if it does not consider it. */
async function decisionOn(slotId: string): Promise<string | null> {
  const { organizationId } = tenant
  const { scanId } = await db
    .transaction()
    .execute((tx) => scanOrganization(tx, deps, { organizationId, reason: 'request' }))
  const decision = await db
    .selectFrom('scan_decision')
    .select('decision')
    .where('scan_id', '=', scanId)
    .where('slot_id', '=', slotId)
    .executeTakeFirst()
  const job = await db
    .selectFrom('machine_instance')
    .select('id')
    .where('slot_id', '=', slotId)
    .executeTakeFirst()
  expect(job !== undefined).toBe(decision?.decision === 'ENQUEUED')
  return decision?.decision ?? null
}

describe('a scan', () => {
  it('starts the job of a due slot of an approved plan on autopilot', async () => {
    expect(await decisionOn((await createReadyPlan()).slotId)).toBe('ENQUEUED')
  })

  it.each(['draft', 'inReview'])('starts nothing of a plan that is %s: NOT_APPROVED', async (state) => {
    const { planId, slotId } = await createReadyPlan()
    await change(sql`update plan set state = ${state} where id = ${planId}`)
    expect(await decisionOn(slotId)).toBe('NOT_APPROVED')
  })

  it('does not consider the slots of an archived plan', async () => {
    const { planId, slotId } = await createReadyPlan()
    await change(sql`update plan set state = 'archived' where id = ${planId}`)
    expect(await decisionOn(slotId)).toBeNull()
  })

  it('starts nothing of a plan whose autopilot is off: AUTOPILOT_OFF', async () => {
    const { planId, slotId } = await createReadyPlan()
    await change(sql`update plan set autopilot = false where id = ${planId}`)
    expect(await decisionOn(slotId)).toBe('AUTOPILOT_OFF')
  })

  it('starts nothing of a plan that is locked: PLAN_LOCKED', async () => {
    const { planId, slotId } = await createReadyPlan()
    await change(sql`update plan set locked = true where id = ${planId}`)
    expect(await decisionOn(slotId)).toBe('PLAN_LOCKED')
  })

  it.each([
    [-59, 'ENQUEUED'],
    [-61, 'TOO_LATE'],
    [-6 * day, 'TOO_LATE'],
    [-8 * day, null],
  ])('decides about a slot that is due in %d minutes: %s', async (minutes, decision) => {
    expect(await decisionOn((await createReadyPlan(minutes)).slotId)).toBe(decision)
  })

  it.each([
    [day - 1, 'ENQUEUED'],
    [day + 1, null],
  ])('considers the next 24 hours: a slot due in %d minutes is %s', async (minutes, decision) => {
    expect(await decisionOn((await createReadyPlan(minutes)).slotId)).toBe(decision)
  })

  it.each([
    ['connected', 'ENQUEUED'],
    ['refreshing.requesting', 'ENQUEUED'],
    ['refreshing.backingOff', 'ENQUEUED'],
    ['connecting', 'ACCOUNT_UNHEALTHY'],
    ['needsReauthorization', 'ACCOUNT_UNHEALTHY'],
    ['revoked', 'ACCOUNT_UNHEALTHY'],
    ['disconnecting.revoking', 'ACCOUNT_UNHEALTHY'],
    ['disconnecting.backingOff', 'ACCOUNT_UNHEALTHY'],
    ['disconnected', 'ACCOUNT_UNHEALTHY'],
  ])('decides about a slot whose account is in the state %s: %s', async (state, decision) => {
    const { slotId } = await createReadyPlan()
    await change(sql`update machine_instance set state = ${state} where id = ${tenant.accountId}`)
    expect(await decisionOn(slotId)).toBe(decision)
  })

  it('starts the earliest slots that the quota permits, and the others are QUOTA_EXCEEDED', async () => {
    const later = await createReadyPlan(120)
    const earlier = await createReadyPlan(60)
    await change(
      sql`update quota set allowance = 1 where organization_id = ${tenant.organizationId} and metric = 'videos'`,
    )
    expect(await decisionOn(later.slotId)).toBe('QUOTA_EXCEEDED')
    const started = await db
      .selectFrom('machine_instance')
      .select('slot_id')
      .where('slot_id', 'is not', null)
      .execute()
    const slotIds = started.map((job) => job.slot_id)
    expect(slotIds).toContain(earlier.slotId)
    expect(slotIds).not.toContain(later.slotId)
  })
})
