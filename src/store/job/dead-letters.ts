import { sql } from 'kysely'
import type { Checkpoint } from '../../durable/checkpoint.ts'
import type { Executor } from '../database.ts'
import { keyset, type Page, type Positioned } from '../paging.ts'
import { checkpointOfRow } from './checkpoint-row.ts'

/** A machine instance that the queue gave up on. */
export interface StuckInstance {
  readonly organizationId: string
  readonly slotId: string | null
  readonly accountId: string | null
  readonly revision: number
  readonly checkpoint: Checkpoint
}

/**
 * Locks the instance of a wake-up that the queue gave up on at `givenUpAt`, until the end of the transaction. Null if there is nothing
 * to record: it is gone, is not due, has changed since, is leased, or has an open dead letter already.
 */
export async function lockStuckInstance(
  db: Executor,
  instanceId: string,
  givenUpAt: Date,
): Promise<StuckInstance | null> {
  const { rows } = await sql<Checkpoint & Omit<StuckInstance, 'checkpoint'>>`
    select organization_id as "organizationId", slot_id as "slotId", account_id as "accountId", revision,
           machine, version, state, tag, context, step, timers
      from machine_instance instance
     where id = ${instanceId} and wake_at <= clock_timestamp() and updated_at <= ${givenUpAt}
       and (lease_until is null or lease_until < clock_timestamp())
       and not exists (select from dead_letter
                        where dead_letter.instance_id = instance.id and dead_letter.revision = instance.revision
                          and redriven_at is null)
       for no key update`.execute(db)
  const [row] = rows
  if (!row) return null
  const { organizationId, slotId, accountId, revision } = row
  return { organizationId, slotId, accountId, revision, checkpoint: checkpointOfRow(row) }
}

export interface NewDeadLetter {
  readonly organizationId: string
  readonly instanceId: string
  /** The revision at which the instance stopped. */
  readonly revision: number
  readonly state: string
  readonly code: string
  readonly message: string
  readonly attempts: number
}

export async function insertDeadLetter(db: Executor, deadLetter: NewDeadLetter): Promise<void> {
  await db
    .insertInto('dead_letter')
    .values({
      organization_id: deadLetter.organizationId,
      instance_id: deadLetter.instanceId,
      revision: deadLetter.revision,
      state: deadLetter.state,
      code: deadLetter.code,
      message: deadLetter.message,
      attempts: deadLetter.attempts,
    })
    .execute()
}

/** Locks the open dead letter of an instance at a revision; null if there is none. */
export async function lockOpenDeadLetter(
  db: Executor,
  instanceId: string,
  revision: number,
): Promise<string | null> {
  const { rows } = await sql<{ id: string }>`
    select id from dead_letter
     where instance_id = ${instanceId} and revision = ${revision} and redriven_at is null for update`.execute(
    db,
  )
  return rows[0]?.id ?? null
}

export async function markRedriven(
  db: Executor,
  id: string,
  { reason, by }: { readonly reason: string; readonly by: string | null },
): Promise<void> {
  await sql`update dead_letter set redriven_at = clock_timestamp(), redrive_reason = ${reason}, redriven_by = ${by}
             where id = ${id}`.execute(db)
}

/** Resets the lease attempts, because a redrive claims that the cause is fixed. One is kept: the pending step may have begun. */
export async function resetLeaseAttempts(db: Executor, instanceId: string): Promise<void> {
  await sql`update machine_instance set lease_attempts = least(lease_attempts, 1) where id = ${instanceId}`.execute(
    db,
  )
}

export interface DeadLetterRecord {
  readonly id: string
  readonly organizationId: string
  readonly instanceId: string
  readonly machine: string
  readonly state: string
  readonly code: 'UNKNOWN_CHECKPOINT' | 'WORKER_ERROR' | 'WORKER_DIED'
  readonly message: string
  readonly attempts: number
  readonly createdAt: Date
  readonly redrivenAt: Date | null
  readonly redriveReason: string | null
  readonly redrivenBy: string | null
  /** Whether the instance is still stopped because of it. */
  readonly isOpen: boolean
}

const columns = sql.raw(
  `dead_letter.id, dead_letter.organization_id as "organizationId", dead_letter.instance_id as "instanceId", instance.machine,
   dead_letter.state, dead_letter.code, dead_letter.message, dead_letter.attempts,
   dead_letter.created_at as "createdAt", dead_letter.redriven_at as "redrivenAt",
   dead_letter.redrive_reason as "redriveReason", dead_letter.redriven_by as "redrivenBy",
   (dead_letter.redriven_at is null and dead_letter.revision = instance.revision) as "isOpen"`,
)

/** Newest first. */
export async function listDeadLetters(
  db: Executor,
  organizationId: string,
  page: Page,
): Promise<readonly Positioned<DeadLetterRecord>[]> {
  const { position, within, order } = keyset('dead_letter', 'created_at', 'desc', page)
  const { rows } = await sql<Positioned<DeadLetterRecord>>`
    select ${columns}, ${position} as position from dead_letter join machine_instance instance on instance.id = dead_letter.instance_id
     where dead_letter.organization_id = ${organizationId} and ${within}
     order by ${order} limit ${page.limit}`.execute(db)
  return rows
}

/** The open dead letters of some machine instances of an organization. */
export async function findOpenDeadLetters(
  db: Executor,
  organizationId: string,
  instanceIds: readonly string[],
): Promise<readonly DeadLetterRecord[]> {
  const { rows } = await sql<DeadLetterRecord>`
    select ${columns} from dead_letter
      join machine_instance instance on instance.id = dead_letter.instance_id and instance.revision = dead_letter.revision
     where dead_letter.organization_id = ${organizationId} and dead_letter.instance_id = any(${instanceIds}::uuid[])
       and dead_letter.redriven_at is null`.execute(db)
  return rows
}

/** The open dead letters of all organizations, for the operator; the oldest first. */
export async function listOpenDeadLetters(db: Executor, limit: number): Promise<readonly DeadLetterRecord[]> {
  const { rows } = await sql<DeadLetterRecord>`
    select ${columns} from dead_letter
      join machine_instance instance on instance.id = dead_letter.instance_id and instance.revision = dead_letter.revision
     where dead_letter.redriven_at is null order by dead_letter.created_at limit ${limit}`.execute(db)
  return rows
}
