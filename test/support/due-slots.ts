import { randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import { insertConnectedAccount } from '../../src/commands/account/insert-account.ts'
import type { Connection } from '../../src/store/database.ts'

/**
 * Inserts an approved plan on autopilot of a connected account, with slots one second apart, the first due in an hour. `coming` more are
 * due after the scan's window.
 */
export async function createDueSlots(
  { db }: Pick<Connection, 'db'>,
  organizationId: string,
  due: number,
  coming = 0,
): Promise<{ readonly planId: string; readonly accountId: string }> {
  const [accountId, planId] = [randomUUID(), randomUUID()]
  await insertConnectedAccount(db, {
    accountId,
    organizationId,
    creator: { openId: accountId, username: 'creator', displayName: 'Creator', scopes: [] },
    tokens: {
      accessTokenSealed: 'a',
      refreshTokenSealed: 'r',
      expiresInSeconds: 7_200,
      refreshExpiresInSeconds: 15_552_000,
    },
  })
  await sql`
    insert into plan (id, organization_id, account_id, name, time_zone, state, revision, autopilot)
    values (${planId}, ${organizationId}, ${accountId}, 'Plan', 'UTC', 'approved', 1, true)`.execute(db)
  await sql`
    insert into slot (id, organization_id, plan_id, wall_time, publish_at, storyboard, caption, privacy)
    select gen_random_uuid(), ${organizationId}, ${planId}, to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS'), at,
           '{"scenes": [{"seconds": 3}]}', '', 'SELF_ONLY'
      from (select date_trunc('second', now()) + interval '1 hour 0.000123 seconds' + n * interval '1 second'
                   + case when n > ${due} then interval '30 days' else '0' end as at
              from generate_series(1, ${due + coming}::int) as n) as series`.execute(db)
  return { planId, accountId }
}
