import { sql } from 'kysely'
import type { Executor } from './database.ts'
import { keyset, type Page, type Placed } from './keyset.ts'
import type { AccountTable } from './tables.ts'

/** A connected account without its tokens, which the API's role cannot read. */
export interface AccountRecord {
  readonly id: string
  readonly openId: string
  readonly username: string
  readonly displayName: string
  readonly state: AccountTable['state']
  readonly scopes: readonly string[]
  readonly refreshExpiresAt: Date | null
  readonly createdAt: Date
  readonly updatedAt: Date
}

const columns = sql.raw(
  `id, open_id as "openId", username, display_name as "displayName", state, scopes,
   refresh_expires_at as "refreshExpiresAt", created_at as "createdAt", updated_at as "updatedAt"`,
)

export async function findAccounts(
  db: Executor,
  organizationId: string,
  ids: readonly string[],
): Promise<readonly AccountRecord[]> {
  const { rows } = await sql<AccountRecord>`
    select ${columns} from account
     where organization_id = ${organizationId} and id = any(${ids}::uuid[])`.execute(db)
  return rows
}

export async function listAccounts(
  db: Executor,
  organizationId: string,
  page: Page,
): Promise<readonly Placed<AccountRecord>[]> {
  const { position, within, order } = keyset('account', 'created_at', 'asc', page)
  const { rows } = await sql<Placed<AccountRecord>>`
    select ${columns}, ${position} as position from account
     where organization_id = ${organizationId} and ${within} order by ${order} limit ${page.limit}`.execute(
    db,
  )
  return rows
}
