import { sql } from 'kysely'
import type { Checkpoint } from '../../durable/checkpoint.ts'
import type { Executor } from '../database.ts'
import { keyset, type Page, type Placed } from '../paging.ts'
import { checkpointOfRow } from './checkpoint-row.ts'

/** A machine that nobody gets through with, as it lies in its row. */
export interface StuckMachine {
  readonly organizationId: string
  readonly slotId: string | null
  readonly accountId: string | null
  readonly revision: number
  readonly checkpoint: Checkpoint
}

/**
 * The machine of a wake-up that was given up at `givenUpAt`, locked until the end of the transaction. Null if there is nothing
 * to tell: it is gone, waits for nothing, has moved on since, is in a worker's hands, or lies in a dead letter already.
 */
export async function lockStuckMachine(
  db: Executor,
  jobId: string,
  givenUpAt: Date,
): Promise<StuckMachine | null> {
  const { rows } = await sql<Checkpoint & Omit<StuckMachine, 'checkpoint'>>`
    select organization_id as "organizationId", slot_id as "slotId", account_id as "accountId", revision,
           machine, version, state, tag, context, step, timers
      from machine_instance job
     where id = ${jobId} and wake_at <= clock_timestamp() and updated_at <= ${givenUpAt}
       and (lease_until is null or lease_until < clock_timestamp())
       and not exists (select from dead_letter as letter
                        where letter.job_id = job.id and letter.job_revision = job.revision
                          and letter.redriven_at is null)
       for no key update`.execute(db)
  const [row] = rows
  if (!row) return null
  const { organizationId, slotId, accountId, revision } = row
  return { organizationId, slotId, accountId, revision, checkpoint: checkpointOfRow(row) }
}

export interface NewDeadLetter {
  readonly organizationId: string
  readonly jobId: string
  /** Where the machine rests because of it. */
  readonly jobRevision: number
  readonly state: string
  readonly code: string
  readonly message: string
  readonly tries: number
}

export async function insertDeadLetter(db: Executor, letter: NewDeadLetter): Promise<void> {
  await db
    .insertInto('dead_letter')
    .values({
      organization_id: letter.organizationId,
      job_id: letter.jobId,
      job_revision: letter.jobRevision,
      state: letter.state,
      code: letter.code,
      message: letter.message,
      tries: letter.tries,
    })
    .execute()
}

/** The letter that a machine lies in at this revision, locked; null if there is none. */
export async function lockOpenLetter(db: Executor, jobId: string, revision: number): Promise<string | null> {
  const { rows } = await sql<{ id: string }>`
    select id from dead_letter
     where job_id = ${jobId} and job_revision = ${revision} and redriven_at is null for update`.execute(db)
  return rows[0]?.id ?? null
}

export async function settleLetter(
  db: Executor,
  id: string,
  { reason, by }: { readonly reason: string; readonly by: string | null },
): Promise<void> {
  await sql`update dead_letter set redriven_at = clock_timestamp(), redrive_reason = ${reason}, redriven_by = ${by}
             where id = ${id}`.execute(db)
}

/**
 * What failed its workers before does not count any more: whoever sends it on its way says that it is mended. One try is left
 * standing, for the step may have been begun.
 */
export async function forgetTries(db: Executor, jobId: string): Promise<void> {
  await sql`update machine_instance set tries = least(tries, 1) where id = ${jobId}`.execute(db)
}

/** A dead letter as it is shown. */
export interface DeadLetterRecord {
  readonly id: string
  readonly organizationId: string
  readonly jobId: string
  readonly machine: string
  readonly state: string
  readonly code: 'UNKNOWN_CHECKPOINT' | 'WORKER_ERROR' | 'WORKER_DIED'
  readonly message: string
  readonly tries: number
  readonly createdAt: Date
  readonly redrivenAt: Date | null
  readonly redriveReason: string | null
  readonly redrivenBy: string | null
  /** Whether the machine still rests because of it. */
  readonly isOpen: boolean
}

const columns = sql.raw(
  `dead_letter.id, dead_letter.organization_id as "organizationId", dead_letter.job_id as "jobId", job.machine,
   dead_letter.state, dead_letter.code, dead_letter.message, dead_letter.tries,
   dead_letter.created_at as "createdAt", dead_letter.redriven_at as "redrivenAt",
   dead_letter.redrive_reason as "redriveReason", dead_letter.redriven_by as "redrivenBy",
   (dead_letter.redriven_at is null and dead_letter.job_revision = job.revision) as "isOpen"`,
)

/** Newest first. */
export async function listDeadLetters(
  db: Executor,
  organizationId: string,
  page: Page,
): Promise<readonly Placed<DeadLetterRecord>[]> {
  const { position, within, order } = keyset('dead_letter', 'created_at', 'desc', page)
  const { rows } = await sql<Placed<DeadLetterRecord>>`
    select ${columns}, ${position} as position from dead_letter join machine_instance job on job.id = dead_letter.job_id
     where dead_letter.organization_id = ${organizationId} and ${within}
     order by ${order} limit ${page.limit}`.execute(db)
  return rows
}

/** The letters that jobs of an organization lie in now. */
export async function findOpenLetters(
  db: Executor,
  organizationId: string,
  jobIds: readonly string[],
): Promise<readonly DeadLetterRecord[]> {
  const { rows } = await sql<DeadLetterRecord>`
    select ${columns} from dead_letter
      join machine_instance job on job.id = dead_letter.job_id and job.revision = dead_letter.job_revision
     where dead_letter.organization_id = ${organizationId} and dead_letter.job_id = any(${jobIds}::uuid[])
       and dead_letter.redriven_at is null`.execute(db)
  return rows
}

/** The open letters of all organizations, for their operator; the oldest first. */
export async function listOpenLetters(db: Executor, limit: number): Promise<readonly DeadLetterRecord[]> {
  const { rows } = await sql<DeadLetterRecord>`
    select ${columns} from dead_letter
      join machine_instance job on job.id = dead_letter.job_id and job.revision = dead_letter.job_revision
     where dead_letter.redriven_at is null order by dead_letter.created_at limit ${limit}`.execute(db)
  return rows
}
