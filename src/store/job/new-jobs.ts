import { sql } from 'kysely'
import type { Executor } from '../database.ts'
import { eventsOf, type NewEvent, recordAppended } from '../event/append.ts'
import type { QuotaDebits } from '../quota/debits.ts'
import { instancesOf, type NewInstance } from './jobs.ts'

/**
 * Inserts the jobs of locked slots, claims the slots, and writes the debits of their quota, in one statement; also events, if any are
 * given. Throws if a slot or its job key has a job already: the caller has looked.
 */
export async function insertJobs(
  tx: Executor,
  debits: QuotaDebits,
  jobs: readonly (NewInstance & { readonly slotId: string })[],
  events: readonly NewEvent[] = [],
): Promise<void> {
  const { organizationId, at } = debits.moment
  const slotIds = jobs.map(({ slotId }) => slotId)
  const hasEvents = events.length > 0
  const { rows } = await sql<{ inserted: number; appended: number }>`
    with ${instancesOf(jobs)}, claimed as (
      update slot set claimed_at = ${at} where id = any(${slotIds}::uuid[])
    ), ${debits.write()} ${hasEvents ? sql`, ${eventsOf(organizationId, events)}` : sql``}
    select (select count(*) from inserted)::int as inserted,
           ${hasEvents ? sql`(select count(*) from appended)::int` : sql`0`} as appended`.execute(tx)
  if (rows[0]?.inserted !== jobs.length)
    throw new Error(
      `one of the slots ${slotIds.join(', ')}, or its job key, has a job, but the slot is not claimed`,
    )
  if (hasEvents) recordAppended(tx, organizationId, rows[0].appended === events.length)
}
