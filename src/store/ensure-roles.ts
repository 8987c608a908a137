import pg from 'pg'
import type { Connection } from './database.ts'

/** Every collision lets at least one process proceed, so this is more than can be needed. */
const maxAttempts = 51

/**
 * Creates the API's and the runtime's role, and lets the owner act as them. Roles belong to the whole server, an advisory lock only to
 * one database, so an installation in another database may create them at the same time: a statement that collides is retried and then
 * finds the other's roles.
 */
export async function ensureRoles(owner: Connection): Promise<void> {
  for (const role of ['reelpilot_api', 'reelpilot_runtime']) {
    await retryOnCollision(async () => {
      const { rowCount } = await owner.pool.query('select from pg_roles where rolname = $1', [role])
      if (rowCount === 0) await owner.pool.query(`create role ${role} nologin`)
    })
    await retryOnCollision(() => owner.pool.query(`grant ${role} to current_user`))
  }
}

async function retryOnCollision(change: () => Promise<unknown>): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await change()
      return
    } catch (error) {
      if (attempt === maxAttempts || !isCollision(error)) throw error
    }
  }
}

const duplicateObject = '42710'
const uniqueViolation = '23505'
/** "tuple concurrently updated" has no code of its own. */
const internalError = 'XX000'

function isCollision(error: unknown): boolean {
  if (!(error instanceof pg.DatabaseError)) return false
  if (error.code === internalError) return /^tuple concurrently (updated|deleted)$/.test(error.message)
  return error.code === duplicateObject || error.code === uniqueViolation
}
