import { sql } from 'kysely'
import { beforeEach, describe, expect, it } from 'vitest'
import { listUpcomingSlots } from '../../../../src/store/account/accounts.ts'
import { findSlotToPost } from '../../../../src/store/job/clearance.ts'
import { listPosts } from '../../../../src/store/plan/planned-posts.ts'
import { createTestDatabase } from '../../../support/database.ts'
import {
  type Answer,
  createRunningPlan,
  createTenant,
  createTestApi,
  mutate,
  slotInput,
  type Tenant,
} from '../../support.ts'

const database = await createTestDatabase()
const { db } = database.runtime
const api = await createTestApi(database)
let tenant: Tenant

beforeEach(async () => {
  tenant = await createTenant(database, api)
})

const rowId = (globalId = '') => Buffer.from(globalId, 'base64url').toString().split(':')[1] ?? ''

/** Puts the job of a slot into a final state. */
const end = (slotId = '', state = 'cancelled') =>
  sql`update machine_instance set state = ${state}, tag = 'final', step = null, wake_at = null, timers = '{}'
       where slot_id = ${rowId(slotId)} and tag <> 'final'`.execute(db)

/** A slot of a running plan whose job was cancelled, with that job. */
async function cancelledSlot(minutes = 60) {
  const { planId, slotIds } = await createRunningPlan(tenant, [minutes])
  const [slotId = ''] = slotIds
  const { job } = await start(slotId)
  await end(slotId)
  return { planId, slotId, jobId: job.id as string }
}

const start = (slotId: string) => mutate(tenant, 'startJob', { slotId }, 'job { id state }')
const update = (slotId: string, change: object) =>
  mutate(tenant, 'updateSlot', { slotId, ...change }, 'slot { caption claimedAt job { id } }')
const remove = (slotId: string) => mutate(tenant, 'removeSlot', { slotId }, 'removedSlotId')

async function approve(planId: string): Promise<Answer> {
  await mutate(tenant, 'submitPlanForReview', { planId })
  return await mutate(tenant, 'approvePlan', { planId })
}

async function runScan(): Promise<Answer> {
  const { runScan } = await tenant.request(`mutation { runScan(input: {}) { ... on RunScanPayload {
    scan { startedJobCount decisions(first: 10) { nodes { outcome } } } } } }`)
  return runScan.scan
}

async function read(slotId: string): Promise<Answer> {
  const { node } = await tenant.request(
    'query ($id: ID!) { node(id: $id) { ... on Slot { claimedAt publishAt job { id state startedBy } } } }',
    { id: slotId },
  )
  return node
}

/** The number of upcoming slots, and of planned posts. */
async function counted() {
  const { organizationId, accountId } = tenant
  const now = { sentSince: new Date(0), dueSince: new Date() }
  const { planned } = await listPosts(db, { organizationId, accountId }, now)
  const upcoming = await listUpcomingSlots(db, organizationId, accountId, 10)
  return [upcoming.length, planned.length]
}

describe('a slot whose job was cancelled', () => {
  it('is not started again by a scan while it is unchanged, even after another approval', async () => {
    const { planId, slotId, jobId } = await cancelledSlot()
    expect(await runScan()).toEqual({ startedJobCount: 0, decisions: { nodes: [] } })
    expect(await counted()).toEqual([0, 0])
    await mutate(tenant, 'addSlots', { planId, slots: [slotInput(3 * 24 * 60)] }, 'plan { id }')
    expect(await approve(planId)).toMatchObject({ scan: { startedJobCount: 0 } })
    expect(await read(slotId)).toMatchObject({ job: { id: jobId, state: 'cancelled' } })
  })

  it('can be changed completely, and gets a new job after the next approval', async () => {
    const { planId, slotId, jobId } = await cancelledSlot()
    const { wallTime, storyboard } = slotInput(90) as {
      readonly wallTime: string
      readonly storyboard: object
    }
    expect(await update(slotId, { wallTime, storyboard, privacy: 'PUBLIC_TO_EVERYONE' })).toMatchObject({
      slot: { claimedAt: null, job: null },
    })
    expect(await counted()).toEqual([1, 0])
    expect(await runScan()).toMatchObject({
      startedJobCount: 0,
      decisions: { nodes: [{ outcome: 'NOT_APPROVED' }] },
    })
    expect(await approve(planId)).toMatchObject({ scan: { startedJobCount: 1 } })

    const { claimedAt, job } = await read(slotId)
    expect(claimedAt).not.toBeNull()
    expect(job).toMatchObject({ state: 'queued', startedBy: 'SCAN' })
    expect(job.id).not.toBe(jobId)
    expect(await counted()).toEqual([1, 1])
    expect(await runScan()).toMatchObject({ startedJobCount: 0 })
    // The new job has claimed the slot.
    expect(await update(slotId, { wallTime })).toMatchObject({ code: 'SLOT_CLAIMED' })
    expect(await remove(slotId)).toMatchObject({ code: 'SLOT_CLAIMED' })
  })

  it('stays the slot of its cancelled job when only its caption is changed', async () => {
    const { slotId, jobId } = await cancelledSlot()
    expect(await update(slotId, { caption: 'Better' })).toMatchObject({
      slot: { caption: 'Better', job: null },
    })
    expect(
      await tenant.request('query ($id: ID!) { job(id: $id) { state slot { id } } }', { id: jobId }),
    ).toEqual({
      job: { state: 'cancelled', slot: { id: slotId } },
    })
  })

  it('needs a future time when it is changed after its time has passed', async () => {
    const { slotId } = await cancelledSlot()
    await sql`update slot set wall_time = '2020-01-01T00:00:00' where id = ${rowId(slotId)}`.execute(db)
    expect(await update(slotId, { caption: 'Late' })).toMatchObject({ fields: [{ path: 'wallTime' }] })
  })

  it('gets one new job from concurrent starts by hand', async () => {
    const { slotId, jobId } = await cancelledSlot()
    const answers = await Promise.all([start(slotId), start(slotId), start(slotId)])
    const ids = new Set(answers.map(({ job }) => job.id))
    expect(ids.size).toBe(1)
    expect(ids).not.toContain(jobId)
    expect(await read(slotId)).toMatchObject({ job: { id: answers[0].job.id, startedBy: 'PERSON' } })
    expect(await counted()).toEqual([1, 1])
    // The first job was started by autopilot, the new one by a person.
    expect(await findSlotToPost(db, tenant.organizationId, rowId(slotId))).toMatchObject({
      startedBy: 'person',
    })
    // After another cancellation it can be started again.
    await end(slotId)
    const third = await start(slotId)
    expect(third.job.state).toBe('queued')
    expect(ids).not.toContain(third.job.id)
  })

  it('can be removed, and its job is kept', async () => {
    const { slotId, jobId } = await cancelledSlot()
    expect(await remove(slotId)).toMatchObject({ removedSlotId: slotId })
    expect(await read(slotId)).toBeNull()
    expect(
      await tenant.request('query ($id: ID!) { job(id: $id) { state slot { id } } }', { id: jobId }),
    ).toEqual({
      job: { state: 'cancelled', slot: null },
    })
  })

  it('moves with its plan to another time zone, unlike a claimed slot', async () => {
    const { planId, slotId } = await cancelledSlot(20 * 60)
    const was = Date.parse((await read(slotId)).publishAt)
    const toZone = (timeZone: string) =>
      mutate(tenant, 'updatePlan', { planId, timeZone }, 'plan { timeZone }')
    await toZone('Asia/Tokyo')
    expect(was - Date.parse((await read(slotId)).publishAt)).toBe(9 * 3_600_000)
    await approve(planId)
    await start(slotId)
    await toZone('UTC')
    expect(was - Date.parse((await read(slotId)).publishAt)).toBe(9 * 3_600_000)
  })
})

it.each(['failed', 'published'])('a slot whose job is %s stays claimed by it', async (state) => {
  const { slotIds } = await createRunningPlan(tenant, [60])
  const [slotId = ''] = slotIds
  const { job } = await start(slotId)
  if (state === 'failed') await end(slotId, state)
  else
    await sql`update machine_instance set state = ${state}, tag = 'settled', step = null, wake_at = null
               where slot_id = ${rowId(slotId)}`.execute(db)
  expect(await update(slotId, { caption: 'Other' })).toMatchObject({ code: 'SLOT_CLAIMED' })
  expect(await remove(slotId)).toMatchObject({ code: 'SLOT_CLAIMED' })
  expect(await start(slotId)).toMatchObject({ job: { id: job.id, state } })
})

it('the database refuses a second job of a slot unless the first one is cancelled', async () => {
  const { slotId } = await cancelledSlot()
  await start(slotId)
  const another = sql`
    insert into machine_instance (id, organization_id, slot_id, account_id, machine, version, state, tag, context, step, wake_at, revision)
    select gen_random_uuid(), organization_id, slot_id, account_id, machine, version, state, tag, context, step, wake_at, 1
      from machine_instance where slot_id = ${rowId(slotId)} and state <> 'cancelled'`
  await expect(another.execute(db)).rejects.toThrow('machine_instance_slot')
  await expect(sql`delete from slot where id = ${rowId(slotId)}`.execute(database.owner.db)).rejects.toThrow(
    'foreign key',
  )
})
