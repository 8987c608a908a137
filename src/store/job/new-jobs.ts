import { type RawBuilder, sql } from 'kysely'
import type { Executor } from '../database.ts'
import { eventsOf, type NewEvent, recordAppended } from '../event/append.ts'
import type { QuotaDebits } from '../quota/debits.ts'
import { instancesOf, type NewInstance } from './jobs.ts'
import { type QueueInsert, queuedOf } from './queue-inserts.ts'

/** Machine instances of one organization at their first checkpoint. */
export interface StartedInstances {
  readonly instances: readonly NewInstance[]
  readonly wakeUps: QueueInsert
  /** Appended in the order given. None, if the caller appends them later. */
  readonly events: readonly NewEvent[]
}

/**
 * Inserts instances with their wake-ups and events, in one statement. Throws if one of them, or another job of its slot or job key,
 * exists already. `also` are common table expressions that write what belongs to them.
 */
export async function insertStarted(
  tx: Executor,
  organizationId: string,
  { instances, wakeUps, events }: StartedInstances,
  also?: RawBuilder<unknown>,
): Promise<void> {
  const hasEvents = events.length > 0
  const { rows } = await sql<{ inserted: number; appended: number }>`
    with ${instancesOf(instances)}, ${queuedOf(wakeUps)} ${also ? sql`, ${also}` : sql``}
         ${hasEvents ? sql`, ${eventsOf(organizationId, events)}` : sql``}
    select (select count(*) from inserted)::int as inserted,
           ${hasEvents ? sql`(select count(*) from appended)::int` : sql`0`} as appended`.execute(tx)
  if (rows[0]?.inserted !== instances.length)
    throw new Error(
      `one of ${instances.map(({ id }) => id).join(', ')}, its slot or its job key has a job already`,
    )
  if (hasEvents) recordAppended(tx, organizationId, rows[0].appended === events.length)
}

/**
 * Inserts the jobs of locked slots with their wake-ups, claims the slots, and writes the debits of their quota, in one statement; also
 * events, if any are given.
 */
export async function insertJobs(
  tx: Executor,
  debits: QuotaDebits,
  started: StartedInstances & { readonly instances: readonly (NewInstance & { readonly slotId: string })[] },
): Promise<void> {
  const { organizationId, at } = debits.moment
  const slotIds = started.instances.map(({ slotId }) => slotId)
  const claimed = sql`claimed as (
      update slot set claimed_at = ${at} where id = any(${slotIds}::uuid[])
    ), ${debits.write()}`
  await insertStarted(tx, organizationId, started, claimed)
}
