import { sql } from 'kysely'
import { expect, it } from 'vitest'
import { inOrganization } from '../../src/store/database.ts'
import { appendEvent } from '../../src/store/event/append.ts'
import { createOrganization, createTestDatabase } from '../support/database.ts'

const database = await createTestDatabase()

it('every table with rows of organizations has forced row-level security', async () => {
  const { rows } = await sql<{ name: string; enabled: boolean; forced: boolean }>`
    select relname as name, relrowsecurity as enabled, relforcerowsecurity as forced
      from pg_class where relnamespace = 'reelpilot'::regnamespace and relkind = 'r'
       and relname not like 'migration%' order by relname`.execute(database.owner.db)
  expect(rows.length).toBeGreaterThan(10)
  expect(rows.filter((row) => !row.enabled || !row.forced)).toEqual([])
})

it('the API role sees no rows without an organization, and none of another organization', async () => {
  const [mine, other] = [await createOrganization(database), await createOrganization(database)]
  for (const organizationId of [mine, other])
    await appendEvent(database.runtime.db, { organizationId, type: 'test' })
  expect(await database.api.db.selectFrom('event').selectAll().execute()).toEqual([])
  const seen = await inOrganization(database.api.db, mine, (tx) =>
    tx.selectFrom('event').select('organization_id').execute(),
  )
  expect(seen).toEqual([{ organization_id: mine }])
  // The setting ended with its transaction, so the connection's next user does not get it.
  expect(await database.api.db.selectFrom('event').selectAll().execute()).toEqual([])
})

it('the API role cannot write rows of another organization', async () => {
  const [mine, other] = [await createOrganization(database), await createOrganization(database)]
  const intrude = inOrganization(database.api.db, mine, (tx) =>
    tx
      .insertInto('event')
      .values({
        organization_id: other,
        sequence: 1,
        type: 'x',
        payload: '{}',
        plan_id: null,
        slot_id: null,
        account_id: null,
        job_id: null,
        job_revision: null,
      })
      .execute(),
  )
  await expect(intrude).rejects.toThrow(/row-level security/)
})

it('the API role cannot read tokens', async () => {
  await expect(sql`select access_token_sealed from account`.execute(database.api.db)).rejects.toThrow(
    /permission denied/,
  )
})
