import { readdir, readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { sql } from 'kysely'
import { type Migration, Migrator } from 'kysely/migration'
import { type Connection, schemaName } from './database.ts'

const folder = fileURLToPath(new URL('../../migrations', import.meta.url))

/** The database was migrated by a newer build; this one would not understand what it finds. */
export class DatabaseTooNew extends Error {
  override readonly name = 'DatabaseTooNew'
}

/**
 * Brings the schema up to this build, forward only, under a lock that other starting processes wait for.
 * Answers the names of the migrations that it applied. Throws `DatabaseTooNew` and leaves everything as it is
 * if the database knows migrations that this build does not have.
 */
export async function migrate(owner: Connection): Promise<readonly string[]> {
  await sql`create schema if not exists ${sql.id(schemaName)}`.execute(owner.db).catch((error) => {
    // Two first starts at once: the other one made it.
    if (!isDuplicate(error)) throw error
  })
  const migrations = await readMigrations()
  const known = new Set(Object.keys(migrations))
  for (const name of await appliedMigrations(owner)) {
    if (!known.has(name))
      throw new DatabaseTooNew(
        `the database has the migration "${name}", this build does not: run the newer build`,
      )
  }
  const migrator = new Migrator({
    db: owner.db,
    provider: { getMigrations: async () => migrations },
    migrationTableSchema: schemaName,
    migrationTableName: 'migration',
    migrationLockTableName: 'migration_lock',
  })
  const { error, results = [] } = await migrator.migrateToLatest()
  const failed = results.find((result) => result.status === 'Error')
  if (error) throw new Error(`migration ${failed?.migrationName ?? ''} failed`, { cause: error })
  // Readiness asks, as the working roles, whether the schema is this build's.
  if (results.length > 0)
    await sql`grant select on ${sql.id(schemaName, 'migration')} to reelpilot_api, reelpilot_runtime`.execute(
      owner.db,
    )
  return results.map((result) => result.migrationName)
}

/** Whether every migration of this build has been applied, and none that it does not know. */
export async function isMigrated(connection: Connection): Promise<boolean> {
  const applied = await appliedMigrations(connection)
  const known = Object.keys(await readMigrations())
  return applied.length === known.length && known.every((name) => applied.includes(name))
}

async function appliedMigrations(connection: Connection): Promise<readonly string[]> {
  const exists = await sql<{ found: boolean }>`
    select to_regclass(${`${schemaName}.migration`}) is not null as found`.execute(connection.db)
  if (!exists.rows[0]?.found) return []
  const { rows } = await sql<{ name: string }>`
    select name from ${sql.id(schemaName, 'migration')} order by name`.execute(connection.db)
  return rows.map((row) => row.name)
}

async function readMigrations(): Promise<Record<string, Migration>> {
  const files = (await readdir(folder)).filter((file) => file.endsWith('.sql')).sort()
  return Object.fromEntries(
    files.map((file) => [
      file.replace(/\.sql$/, ''),
      {
        up: async (db) => {
          await sql.raw(await readFile(`${folder}/${file}`, 'utf8')).execute(db)
        },
      },
    ]),
  )
}

function isDuplicate(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === '42P06' || error.code === '23505')
}
