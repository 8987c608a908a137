import type { ClientBase } from 'pg'

/** The role of a connection: the owner migrates, the API acts for one organization at a time, the runtime commits transitions. */
export type Role = 'owner' | 'reelpilot_api' | 'reelpilot_runtime'

/** A connection does not have the role that it was opened for, and could see the rows of every organization. */
export class RoleMismatch extends Error {
  override readonly name = 'RoleMismatch'
}

/**
 * Verifies the role of a new connection, and that row-level security applies to it: a pooler may drop the option that sets the role,
 * and a role may have been made a superuser or a member of the owner. Throws `RoleMismatch`.
 */
export async function verifyRole(
  client: ClientBase,
  role: Exclude<Role, 'owner'>,
  schemaName: string,
): Promise<void> {
  const { rows } = await client.query<{ user: string; isSecured: boolean; path: string }>(
    `select current_user as user, current_setting('search_path') as path,
            coalesce(row_security_active(to_regclass($1)), true) as "isSecured"`,
    [`${schemaName}.organization`],
  )
  const [session] = rows
  if (session?.user !== role)
    throw new RoleMismatch(
      `a connection to the database has the role "${session?.user}" instead of "${role}"; ` +
        'DATABASE_URL must lead to a Postgres, or to a pooler in session mode, that accepts the start-up parameter "options"',
    )
  if (!session.isSecured)
    throw new RoleMismatch(
      `row-level security does not apply to the role "${role}": it must not be a superuser, ` +
        `have BYPASSRLS, or be a member of the owner of the schema "${schemaName}"`,
    )
  if (!session.path.startsWith(schemaName))
    throw new RoleMismatch(
      `a connection to the database has the search path "${session.path}", which does not start with "${schemaName}"`,
    )
}
