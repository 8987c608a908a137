import { randomUUID } from 'node:crypto'
import { expect, it } from 'vitest'
import { prune } from '../../src/store/prune.ts'
import { createAccount } from '../support/account.ts'
import { createOrganization, createTestDatabase } from '../support/database.ts'

const database = await createTestDatabase()
const organizationId = await createOrganization(database)
const { pool } = database.owner
const idsOf = async (table: string, column: string) =>
  (await pool.query(`select distinct ${column}::text as id from reelpilot.${table}`)).rows.map(({ id }) => id)

it('old scans are deleted with their decisions, more than one batch of them, and younger ones are kept', async () => {
  const [planId, old, young] = [randomUUID(), randomUUID(), randomUUID()]
  const accountId = await createAccount(database, organizationId)
  await pool.query(
    `insert into reelpilot.plan (id, organization_id, account_id, name, time_zone, state, revision)
     values ($1, $2, $3, 'Plan', 'UTC', 'draft', 1)`,
    [planId, organizationId, accountId],
  )
  await pool.query(
    `insert into reelpilot.slot (id, organization_id, plan_id, wall_time, publish_at, storyboard, mode, caption)
     select gen_random_uuid(), $2, $1, '2030-01-01T00:00:00', now(), '{}', 'draft', '' from generate_series(1, 1500)`,
    [planId, organizationId],
  )
  for (const [id, days] of [
    [old, 91],
    [young, 89],
  ]) {
    await pool.query(
      `insert into reelpilot.scan (id, organization_id, reason, window_end, considered, started_jobs, created_at)
       values ($1, $2, 'hourly', now(), 0, 0, now() - make_interval(days => $3))`,
      [id, organizationId, days],
    )
    await pool.query(
      `insert into reelpilot.scan_decision (organization_id, scan_id, slot_id, decision)
       select $2, $1, id, 'NOT_APPROVED' from reelpilot.slot`,
      [id, organizationId],
    )
  }
  await prune(database.runtime.db)
  expect(await idsOf('scan', 'id')).toEqual([young])
  expect(await idsOf('scan_decision', 'scan_id')).toEqual([young])
})

it('deliveries are deleted 30 days after they ended, however they ended', async () => {
  await pool.query(
    `insert into reelpilot.webhook_delivery (key, event, payload, signed_at, handled_at, failed_at, failure)
     values ('handled long ago', 'x', '{}', now(), now() - interval '31 days', null, null),
            ('failed long ago', 'x', '{}', now(), null, now() - interval '31 days', 'x'),
            ('handled', 'x', '{}', now(), now() - interval '29 days', null, null),
            ('waiting', 'x', '{}', now() - interval '1 year', null, null, null)`,
  )
  await prune(database.runtime.db)
  expect((await idsOf('webhook_delivery', 'key')).toSorted()).toEqual(['handled', 'waiting'])
})
