import { randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import type { Connection } from '../../src/store/database.ts'
import { createAccount } from './account.ts'

const slotsAtOnce = 50_000

/**
 * Inserts an approved plan on autopilot of a connected account, with slots one second apart, the first due in an hour. `coming` more are
 * due after the scan's window.
 */
export async function createDueSlots(
  runtime: Connection,
  organizationId: string,
  due: number,
  coming = 0,
): Promise<{ readonly planId: string; readonly accountId: string }> {
  const { db } = runtime
  const accountId = await createAccount({ runtime }, organizationId, [])
  const planId = randomUUID()
  const start = new Date()
  await sql`
    insert into plan (id, organization_id, account_id, name, time_zone, state, revision, autopilot)
    values (${planId}, ${organizationId}, ${accountId}, 'Plan', 'UTC', 'approved', 1, true)`.execute(db)
  // In parts: one statement for a million slots is silent for longer than a connection may be.
  for (let first = 1; first <= due + coming; first += slotsAtOnce) {
    const last = Math.min(first + slotsAtOnce - 1, due + coming)
    await sql`
      insert into slot (id, organization_id, plan_id, wall_time, publish_at, storyboard, caption, privacy)
      select gen_random_uuid(), ${organizationId}, ${planId}, to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS'), at,
             '{"scenes": [{"seconds": 3}]}', '', 'SELF_ONLY'
        from (select date_trunc('second', ${start}::timestamptz) + interval '1 hour 0.000123 seconds' + n * interval '1 second'
                     + case when n > ${due} then interval '30 days' else '0' end as at
                from generate_series(${first}::int, ${last}::int) as n) as series`.execute(db)
  }
  return { planId, accountId }
}
