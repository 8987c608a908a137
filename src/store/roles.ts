import pg from 'pg'
import type { Connection } from './database.ts'

/** Each waits for one other at least, so many are more than ever collide. */
const mostTries = 50

/**
 * Makes the two working roles and lets the owner act as them. Roles belong to the whole server and an advisory lock to
 * one database only, so an installation in another database may be making them at the same moment: a statement that
 * collides with it is run again, and then finds what the other has made.
 */
export async function ensureRoles(owner: Connection): Promise<void> {
  for (const role of ['reelpilot_api', 'reelpilot_runtime']) {
    await untilNobodyCollides(async () => {
      const { rowCount } = await owner.pool.query('select from pg_roles where rolname = $1', [role])
      if (rowCount === 0) await owner.pool.query(`create role ${role} nologin`)
    })
    await untilNobodyCollides(() => owner.pool.query(`grant ${role} to current_user`))
  }
}

async function untilNobodyCollides(change: () => Promise<unknown>): Promise<void> {
  for (let left = mostTries; ; left -= 1) {
    try {
      await change()
      return
    } catch (error) {
      if (left === 0 || !isCollision(error)) throw error
    }
  }
}

const duplicateObject = '42710'
const uniqueViolation = '23505'
/** Postgres has no code of its own for "tuple concurrently updated". */
const internalError = 'XX000'

function isCollision(error: unknown): boolean {
  if (!(error instanceof pg.DatabaseError)) return false
  if (error.code === internalError) return /^tuple concurrently (updated|deleted)$/.test(error.message)
  return error.code === duplicateObject || error.code === uniqueViolation
}
