import { readdir, readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { sql } from 'kysely'
import { type Migration, Migrator } from 'kysely/migration'
import { type Connection, schemaName } from './database.ts'
import { ensureRoles } from './ensure-roles.ts'
import { withInstallLock } from './install-lock.ts'

const folder = fileURLToPath(new URL('../../migrations', import.meta.url))

/** The database was migrated by a newer build, whose schema this build does not know. */
export class DatabaseTooNew extends Error {
  override readonly name = 'DatabaseTooNew'
}

/** The database was created from other migrations than this build's. No upgrade leads from it to this build. */
export class DatabaseIncompatible extends Error {
  override readonly name = 'DatabaseIncompatible'
}

/**
 * Brings the schema up to this build, forward only, under a lock that other starting processes wait for. Returns the names of
 * the migrations that it applied, and writes nothing if there are none. Throws `DatabaseTooNew` or `DatabaseIncompatible`, and
 * changes nothing, if the database has migrations that this build does not have.
 */
export function migrate(owner: Connection): Promise<readonly string[]> {
  return withInstallLock(owner, () => migrateUnderLock(owner))
}

async function migrateUnderLock(owner: Connection): Promise<readonly string[]> {
  const migrations = await readMigrations()
  const known = Object.keys(migrations)
  const before = await appliedMigrations(owner)
  refuseUnknown(before, known)
  const applied = before.length === known.length ? [] : await applyMissing(owner, migrations)
  await grantReadingMigrations(owner)
  return applied
}

/** A newer build has every migration of this build and some more. */
function refuseUnknown(applied: readonly string[], known: readonly string[]): void {
  const unknown = applied.find((name) => !known.includes(name))
  if (unknown === undefined) return
  if (known.every((name) => applied.includes(name)))
    throw new DatabaseTooNew(
      `the database has the migration "${unknown}", this build does not: run the newer build`,
    )
  throw new DatabaseIncompatible(
    `the database was created by an incompatible build (its migration "${unknown}" does not exist in this build) and cannot be ` +
      'upgraded: use an empty database (DATABASE_URL) or an empty data directory (REELPILOT_DATA)',
  )
}

async function applyMissing(
  owner: Connection,
  migrations: Record<string, Migration>,
): Promise<readonly string[]> {
  await ensureRoles(owner)
  await sql`create schema if not exists ${sql.id(schemaName)}`.execute(owner.db)
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
  return results.map((result) => result.migrationName)
}

/** Readiness checks, as the working roles, that the schema is this build's. */
async function grantReadingMigrations(owner: Connection): Promise<void> {
  const table = `${schemaName}.migration`
  const { rows } = await sql<{ isGranted: boolean }>`
    select bool_and(has_table_privilege(role, ${table}, 'select')) as "isGranted"
      from unnest(array['reelpilot_api', 'reelpilot_runtime']) as role`.execute(owner.db)
  if (rows[0]?.isGranted) return
  await sql`grant select on ${sql.table(table)} to reelpilot_api, reelpilot_runtime`.execute(owner.db)
}

/** Whether exactly the migrations of this build have been applied. */
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
