import { sql } from 'kysely'
import type { Executor } from '../database.ts'

export type Scope = 'read' | 'write' | 'admin'

/** An API key without its secret, which is not stored. */
export interface ApiKeyRecord {
  readonly id: string
  readonly name: string
  readonly scopes: readonly string[]
  readonly createdAt: Date
  readonly lastUsedAt: Date | null
  readonly revokedAt: Date | null
}

const columns = sql.raw(
  'id, name, scopes, created_at as "createdAt", last_used_at as "lastUsedAt", revoked_at as "revokedAt"',
)

/** What authentication needs of a key that is not revoked. Bypasses row-level security: the organization is not known yet. */
export async function findKeyForAuthentication(
  db: Executor,
  keyId: string,
): Promise<
  { readonly organizationId: string; readonly hash: Buffer; readonly scopes: readonly string[] } | undefined
> {
  const { rows } = await sql<{ organizationId: string; hash: Buffer; scopes: readonly string[] }>`
    select organization_id as "organizationId", hash, scopes from find_api_key(${keyId})`.execute(db)
  return rows[0]
}

/** Of some keys, those that are not revoked. Bypasses row-level security: the keys may belong to any organization. */
export async function filterValidKeys(db: Executor, keyIds: readonly string[]): Promise<readonly string[]> {
  const { rows } = await sql<{ id: string }>`
    select id from unnest(${keyIds}::text[]) as id where exists (select from find_api_key(id))`.execute(db)
  return rows.map(({ id }) => id)
}

export async function findApiKeys(
  db: Executor,
  organizationId: string,
  ids: readonly string[],
): Promise<readonly ApiKeyRecord[]> {
  const { rows } = await sql<ApiKeyRecord>`
    select ${columns} from api_key where organization_id = ${organizationId} and id = any(${ids})`.execute(db)
  return rows
}

export async function listApiKeys(db: Executor, organizationId: string): Promise<readonly ApiKeyRecord[]> {
  const { rows } = await sql<ApiKeyRecord>`
    select ${columns} from api_key where organization_id = ${organizationId}
     order by created_at desc, id limit 1000`.execute(db)
  return rows
}

export interface NewApiKey {
  readonly id: string
  readonly organizationId: string
  readonly name: string
  readonly hash: Buffer
  readonly scopes: readonly Scope[]
}

export async function insertApiKey(db: Executor, key: NewApiKey): Promise<void> {
  await sql`
    insert into api_key (id, organization_id, name, hash, scopes)
    values (${key.id}, ${key.organizationId}, ${key.name}, ${key.hash}, ${key.scopes})`.execute(db)
}

/** Revokes a key. A second revocation keeps the first time. False if there is no such key. */
export async function revokeKey(db: Executor, organizationId: string, keyId: string): Promise<boolean> {
  const { numAffectedRows } = await sql`
    update api_key set revoked_at = coalesce(revoked_at, now())
     where organization_id = ${organizationId} and id = ${keyId}`.execute(db)
  return numAffectedRows === 1n
}

/** Records that a key was used, at most once a minute, so that reads rarely write. */
export async function recordKeyUse(db: Executor, organizationId: string, keyId: string): Promise<void> {
  await sql`
    update api_key set last_used_at = now()
     where organization_id = ${organizationId} and id = ${keyId}
       and (last_used_at is null or last_used_at < now() - interval '1 minute')`.execute(db)
}
