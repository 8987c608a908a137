import { sql } from 'kysely'
import { expect, it } from 'vitest'
import { createTestDatabase } from '../support/database.ts'

const database = await createTestDatabase()
const { db } = database.runtime

/** The statements that the connection has prepared, of those with a marker in their text. */
async function preparedWith(connection: typeof db, marker: string): Promise<number> {
  const { rows } = await sql<{ statements: number }>`
    select count(*)::int as statements from pg_prepared_statements where strpos(statement, ${marker}) > 0`.execute(
    connection,
  )
  return rows[0]?.statements ?? 0
}

it('a statement that a worker sends for the third time is prepared on its connection', async () => {
  await db.connection().execute(async (connection) => {
    const send = () => sql`select ${1}::int as frequent`.execute(connection)
    await send()
    await send()
    expect(await preparedWith(connection, ' as frequent')).toBe(0)
    expect((await send()).rows).toEqual([{ frequent: 1 }])
    expect(await preparedWith(connection, ' as frequent')).toBe(1)
  })
})

it('a prepared statement whose table gets another column meanwhile still answers', async () => {
  await database.owner.pool.query(`
    create table reelpilot.growing (id int);
    grant select on reelpilot.growing to reelpilot_runtime;
    insert into reelpilot.growing values (1)`)
  await db.connection().execute(async (connection) => {
    const send = () => sql`select * from growing where id = ${1}`.execute(connection)
    for (let count = 0; count < 3; count += 1) expect((await send()).rows).toEqual([{ id: 1 }])
    expect(await preparedWith(connection, 'from growing')).toBe(1)
    await database.owner.pool.query('alter table reelpilot.growing add column more int default 2')
    for (let count = 0; count < 2; count += 1) expect((await send()).rows).toEqual([{ id: 1, more: 2 }])
  })
})

it('several statements in one text are never prepared', async () => {
  const query = () => database.runtime.pool.query('select 1; select 2', [])
  for (let count = 0; count < 4; count += 1) expect(await query()).toHaveLength(2)
})
