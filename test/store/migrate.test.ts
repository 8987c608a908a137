import { sql } from 'kysely'
import { expect, it } from 'vitest'
import { connect } from '../../src/store/database.ts'
import { isMigrated, migrate } from '../../src/store/migrate.ts'
import { createTestDatabase } from '../support/database.ts'

const database = await createTestDatabase()

it('migrating an up-to-date database applies nothing', async () => {
  expect(await migrate(database.owner)).toEqual([])
  expect(await isMigrated(database.runtime)).toBe(true)
})

it('several processes that migrate at the same time apply every migration once', async () => {
  await sql`drop schema reelpilot cascade`.execute(database.owner.db)
  const others = [1, 2, 3].map(() =>
    connect(database.url, 'owner', { max: 2, name: 'race', onError: () => undefined }),
  )
  const applied = await Promise.all(others.map((other) => migrate(other)))
  for (const other of others) await other.close()
  expect(applied.flat().toSorted()).toEqual([...new Set(applied.flat())].toSorted())
  expect(applied.flat().length).toBeGreaterThan(5)
  expect(await isMigrated(database.owner)).toBe(true)
})

it('a database migrated by a newer build is refused and left unchanged', async () => {
  await sql`insert into reelpilot.migration (name, timestamp) values ('9999-from-the-future', 'now')`.execute(
    database.owner.db,
  )
  await expect(migrate(database.owner)).rejects.toThrow(/"9999-from-the-future", this build does not/)
  expect(await isMigrated(database.owner)).toBe(false)
})

it('a database created from other migrations is refused with a message that says what to do', async () => {
  const { db } = database.owner
  await sql`delete from reelpilot.migration`.execute(db)
  await sql`insert into reelpilot.migration (name, timestamp)
            values ('0001-roles', 'then'), ('0002-organizations', 'then')`.execute(db)
  await expect(migrate(database.owner)).rejects.toThrow(
    /"0002-organizations" does not exist in this build.* use an empty database \(DATABASE_URL\) or an empty data directory/,
  )
  const { rows } = await sql`select name from reelpilot.migration order by name`.execute(db)
  expect(rows).toEqual([{ name: '0001-roles' }, { name: '0002-organizations' }])
  expect(await isMigrated(database.owner)).toBe(false)
})
