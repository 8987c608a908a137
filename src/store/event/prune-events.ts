import { sql } from 'kysely'
import type { Executor } from '../database.ts'

/**
 * Deletes the events that are older than some days, from the beginning of each sequence and in whole batches: an organization keeps up to
 * a batch of older ones. Events of one organization become older in the order of their sequence.
 */
export async function pruneEvents(db: Executor, days: number, batchSize: number): Promise<void> {
  for (;;) {
    // Looks at one event of each organization: no index on the time is needed.
    const { rows } = await sql<{ organizationId: string; through: number }>`
      select organization_id as "organizationId", deleted_through + ${batchSize}::int as through
        from event_head head
       where (select at from event
               where event.organization_id = head.organization_id
                 and event.sequence = head.deleted_through + ${batchSize}::int) < now() - make_interval(days => ${days})
       limit ${organizationsAtOnce}`.execute(db)
    if (rows.length === 0) return
    for (const { organizationId, through } of rows) await deleteThrough(db, organizationId, through)
  }
}

/** How many organizations' events are looked for at once. */
const organizationsAtOnce = 100

/** In two transactions: deleting takes longer than an organization's sequence may be locked. */
async function deleteThrough(db: Executor, organizationId: string, through: number): Promise<void> {
  await sql`
    update event_head set deleted_through = ${through}
     where organization_id = ${organizationId} and deleted_through < ${through}`.execute(db)
  await sql`delete from event where organization_id = ${organizationId} and sequence <= ${through}`.execute(
    db,
  )
}
