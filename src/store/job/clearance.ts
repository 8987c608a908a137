import { sql } from 'kysely'
import type { Checkpoint } from '../../durable/checkpoint.ts'
import type { Executor } from '../database.ts'
import { approvalOfSlot } from '../plan/approvals.ts'
import { type SlotContent, slotColumns } from '../plan/slots.ts'
import type { StartedBy } from '../tables.ts'
import { type CheckpointRow, checkpointOfRow } from './checkpoint-row.ts'

/** What decides whether a job may go on, as the rules of clearance know it. */
export interface HoldFacts {
  readonly planState: string
  readonly locked: boolean
  readonly autopilot: boolean
  readonly startedBy: StartedBy
  /** Of the account machine. */
  readonly accountState: string
  readonly approval: 'current' | 'none' | 'stale'
}

/** The same, from the tables. A job of whom it is not known who started it counts as autopilot's. */
const facts = sql`
  plan.state as "planState", plan.locked, plan.autopilot, coalesce(job.started_by, 'scan') as "startedBy",
  machine.state as "accountState"`

/**
 * What will be posted of a slot, and what decides whether it may be: read at once, so that what is posted is what was compared.
 */
export interface SlotToPost extends SlotContent, HoldFacts {
  /** Under which approval; null if there is none. */
  readonly approvedHash: string | null
}

export async function findSlotToPost(
  db: Executor,
  organizationId: string,
  slotId: string,
): Promise<SlotToPost | undefined> {
  const { rows } = await sql<SlotToPost>`
    with said as (
      select ${slotColumns}, approved_hash as "approvedHash", ${approvalOfSlot} as approval
        from slot where organization_id = ${organizationId} and id = ${slotId})
    select said.*, ${facts}
      from said join plan on plan.id = said."planId" join machine_instance machine on machine.id = plan.account_id
           left join machine_instance job on job.slot_id = said.id and job.state <> 'cancelled'`.execute(db)
  return rows[0]
}

/** An unfinished job of a plan, with what decides whether it may go on. */
export interface PlanJob {
  readonly jobId: string
  readonly checkpoint: Checkpoint
  readonly facts: HoldFacts
}

/** The jobs of a plan that are not over, locked in the one order that all writers of many jobs keep. */
export async function lockPlanJobs(tx: Executor, organizationId: string, planId: string): Promise<void> {
  await sql`
    select from machine_instance job where ${unfinishedOf(organizationId, planId)} order by id for no key update`.execute(
    tx,
  )
}

/** The jobs of a plan that are not over, as the transaction sees them. */
export async function listPlanJobs(
  tx: Executor,
  organizationId: string,
  planId: string,
): Promise<readonly PlanJob[]> {
  const { rows } = await sql<CheckpointRow & HoldFacts & { readonly id: string }>`
    with mine as (select * from machine_instance job where ${unfinishedOf(organizationId, planId)})
    select job.id, ${sql.raw('job.machine, job.version, job.state, job.tag, job.context, job.step, job.timers')},
           ${facts}, ${approvalOfSlot} as approval
      from mine job join slot on slot.id = job.slot_id join plan on plan.id = slot.plan_id
           join machine_instance machine on machine.id = plan.account_id
     order by job.created_at, job.id`.execute(tx)
  return rows.map((row) => {
    const { planState, locked, autopilot, startedBy, accountState, approval } = row
    return {
      jobId: row.id,
      checkpoint: checkpointOfRow(row),
      facts: { planState, locked, autopilot, startedBy, accountState, approval },
    }
  })
}

const unfinishedOf = (organizationId: string, planId: string) => sql`
  job.organization_id = ${organizationId} and job.tag not in ('settled', 'final')
  and exists (select from slot where slot.id = job.slot_id and slot.plan_id = ${planId})`
