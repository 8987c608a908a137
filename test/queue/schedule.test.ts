import { sql } from 'kysely'
import { expect, it } from 'vitest'
import { createOrganization, createTestDatabase } from '../support/database.ts'
import { createDueSlots } from '../support/due-slots.ts'
import { waitUntil } from '../support/wait.ts'
import { roleStarter } from './support.ts'

const database = await createTestDatabase()
const { db } = database.owner
const startRole = roleStarter(database)

it('the hourly schedule scans every organization with a due slot, once for all hours without a worker', async () => {
  const organizationId = await createOrganization(database)
  await createDueSlots(database.runtime, organizationId, 1)
  const withoutSlots = await createOrganization(database)
  const schedules = await sql`
    select cron, timezone, options->>'missed' as missed from reelpilot_queue.schedule where name = 'scan'`.execute(
    db,
  )
  expect(schedules.rows).toEqual([{ cron: '0 * * * *', timezone: 'UTC', missed: 'once' }])

  // As if a worker had last run the schedule three hours ago.
  await sql`update reelpilot_queue.schedule set created_on = now() - interval '1 day', updated_on = now() - interval '1 day'`.execute(
    db,
  )
  await sql`update reelpilot_queue.version set cron_on = now() - interval '3 hours'`.execute(db)
  await startRole({ concurrency: 0 })
  const reasons = async () => {
    const scans = await database.runtime.db
      .selectFrom('scan')
      .select('reason')
      .where('organization_id', '=', organizationId)
      .orderBy('created_at')
      .execute()
    return scans.map(({ reason }) => reason)
  }
  await waitUntil(reasons, (seen) => seen.includes('hourly'), 60_000, 250)
  expect((await reasons()).toSorted()).toEqual(['boot', 'hourly'])
  const others = database.runtime.db
    .selectFrom('scan')
    .select('id')
    .where('organization_id', '=', withoutSlots)
  expect(await others.execute()).toEqual([])
}, 90_000)
