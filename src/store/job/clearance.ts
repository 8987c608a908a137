import { sql } from 'kysely'
import type { Checkpoint } from '../../durable/checkpoint.ts'
import type { Executor } from '../database.ts'
import { type ReadyMedia, readyMedia } from '../media/ready-media.ts'
import { approvalOfSlot } from '../plan/approvals.ts'
import { previewedVideos } from '../plan/previews.ts'
import { type SlotContent, slotColumns } from '../plan/slots.ts'
import { type CheckpointRow, checkpointOfRow } from './checkpoint-row.ts'
import type { StartedBy } from './tables.ts'

/** The facts that the clearance rules decide on: whether a job may proceed. */
export interface HoldFacts {
  readonly planState: string
  readonly locked: boolean
  readonly autopilot: boolean
  readonly startedBy: StartedBy
  /** The state of the account machine. */
  readonly accountState: string
  readonly approval: 'current' | 'none' | 'stale'
}

const holdFacts = sql`
  plan.state as "planState", plan.locked, plan.autopilot, coalesce(job.started_by, 'scan') as "startedBy",
  machine.state as "accountState"`

/** What will be posted of a slot, and whether it may be. Both are read in one statement, so that what is posted is what was checked. */
export interface SlotToPost extends SlotContent, HoldFacts {
  /** The slot's media as it is now; null if it has none, or if posts may not use it: it was deleted, or is being converted. */
  readonly media: SlotMedia | null
  /** The video of a preview of its storyboard, if there is one. */
  readonly preview: SlotMedia | null
  /** The hash that was approved; null if none was. */
  readonly approvedHash: string | null
}

/** A media that a slot posts. */
export type SlotMedia = Pick<ReadyMedia, 'sha256' | 'bytes' | 'contentType' | 'seconds' | 'width' | 'height'>

const factsOfMedia = sql`
  jsonb_build_object('sha256', media.sha256, 'bytes', media.bytes, 'contentType', media.content_type,
                     'seconds', media.seconds, 'width', media.width, 'height', media.height)`

export async function findSlotToPost(
  db: Executor,
  organizationId: string,
  slotId: string,
): Promise<SlotToPost | undefined> {
  const { rows } = await sql<SlotToPost>`
    with requested as (
      select ${slotColumns}, approved_hash as "approvedHash", ${approvalOfSlot} as approval,
             (select ${factsOfMedia} from ${previewedVideos} order by preview.created_at desc limit 1) as preview
        from slot where organization_id = ${organizationId} and id = ${slotId})
    select requested.*, ${holdFacts},
           (select ${factsOfMedia}
              from ${readyMedia} and media.id = requested."mediaId") as media
      from requested join plan on plan.id = requested."planId" join machine_instance machine on machine.id = plan.account_id
           left join machine_instance job on job.slot_id = requested.id and job.state <> 'cancelled'`.execute(
    db,
  )
  return rows[0]
}

/** An unfinished job of a plan, with the facts that decide whether it may proceed. */
export interface PlanJob {
  readonly jobId: string
  readonly checkpoint: Checkpoint
  readonly facts: HoldFacts
}

/** Locks the unfinished jobs of a plan, in the order of `LOCKS.md`. */
export async function lockPlanJobs(tx: Executor, organizationId: string, planId: string): Promise<void> {
  await sql`
    select from machine_instance job where ${unfinishedOf(organizationId, planId)} order by id for no key update`.execute(
    tx,
  )
}

/** Lists the unfinished jobs of a plan. */
export async function listPlanJobs(
  tx: Executor,
  organizationId: string,
  planId: string,
): Promise<readonly PlanJob[]> {
  const { rows } = await sql<CheckpointRow & HoldFacts & { readonly id: string }>`
    with unfinished as (select * from machine_instance job where ${unfinishedOf(organizationId, planId)})
    select job.id, ${sql.raw('job.machine, job.version, job.state, job.tag, job.context, job.step, job.timers')},
           ${holdFacts}, ${approvalOfSlot} as approval
      from unfinished job join slot on slot.id = job.slot_id join plan on plan.id = slot.plan_id
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
