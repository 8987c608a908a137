import type { ClientBase } from 'pg'
import type { Role } from './database.ts'

/** A connection that does not work as the role it was opened for. Whoever used it would see every organization's rows. */
export class RoleNotTaken extends Error {
  override readonly name = 'RoleNotTaken'
}

/**
 * Asks a new connection whom it works as, and whether row-level security holds for it: a pooler in between may drop the
 * option that sets the role, a role may have been made a superuser or a member of the owner. Throws `RoleNotTaken`.
 */
export async function proveRole(
  client: ClientBase,
  role: Exclude<Role, 'owner'>,
  schemaName: string,
): Promise<void> {
  const { rows } = await client.query<{ user: string; isSecured: boolean; path: string }>(
    `select current_user as user, current_setting('search_path') as path,
            coalesce(row_security_active(to_regclass($1)), true) as "isSecured"`,
    [`${schemaName}.organization`],
  )
  const [seen] = rows
  if (seen?.user !== role)
    throw new RoleNotTaken(
      `a connection to the database works as "${seen?.user}" and not as "${role}"; ` +
        'DATABASE_URL must lead to a Postgres, or a pooler in session mode, that takes the start-up parameter "options"',
    )
  if (!seen.isSecured)
    throw new RoleNotTaken(
      `row-level security does not hold for the role "${role}": it must not be a superuser, ` +
        `have BYPASSRLS, or be a member of the owner of the schema "${schemaName}"`,
    )
  if (!seen.path.startsWith(schemaName))
    throw new RoleNotTaken(`a connection looks for tables in "${seen.path}" and not in "${schemaName}"`)
}
