import { sql } from 'kysely'
import type { Executor } from '../database.ts'

/** An account's tokens as they are stored: encrypted. */
export interface StoredTokens {
  readonly organizationId: string
  readonly accessTokenSealed: string
  readonly refreshTokenSealed: string
  readonly accessExpiresAt: Date
  readonly refreshExpiresAt: Date
  /** The lifetime of the access token when it was issued. */
  readonly lifetimeSeconds: number | null
  readonly version: number
  /** The latest version whose refresh token was sent to TikTok, and when. */
  readonly presentedVersion: number
  readonly presentedAt: Date | null
  readonly now: Date
}

/** A new pair of encrypted tokens. */
export interface NewTokens {
  readonly accessTokenSealed: string
  readonly refreshTokenSealed: string
  readonly expiresInSeconds: number
  readonly refreshExpiresInSeconds: number
}

/** The expiry of the stored pair, by the database's clock, in epoch milliseconds. */
export interface StoredExpiry {
  readonly version: number
  readonly accessExpiresAt: number
  readonly refreshExpiresAt: number
}

export async function readTokens(db: Executor, accountId: string): Promise<StoredTokens | null> {
  const { rows } = await sql<StoredTokens>`
    select organization_id as "organizationId", access_token_sealed as "accessTokenSealed",
           refresh_token_sealed as "refreshTokenSealed", access_expires_at as "accessExpiresAt",
           refresh_expires_at as "refreshExpiresAt", access_lifetime_seconds as "lifetimeSeconds",
           token_version as version, presented_version as "presentedVersion", presented_at as "presentedAt",
           clock_timestamp() as now
      from account where id = ${accountId} and access_token_sealed is not null`.execute(db)
  return rows[0] ?? null
}

/**
 * Records that the refresh token of this version is about to be sent to TikTok. False if it was sent already or is not the latest: a
 * refresh token is presented at most once.
 */
export async function claimPresentation(db: Executor, accountId: string, version: number): Promise<boolean> {
  const { numAffectedRows } = await sql`
    update account set presented_version = ${version}, presented_at = clock_timestamp()
     where id = ${accountId} and token_version = ${version} and presented_version < ${version}`.execute(db)
  return numAffectedRows === 1n
}

/** Withdraws the record: TikTok was not reached, or reported that it did not accept the token. */
export async function withdrawPresentation(db: Executor, accountId: string, version: number): Promise<void> {
  await sql`update account set presented_version = ${version} - 1
             where id = ${accountId} and token_version = ${version} and presented_version = ${version}`.execute(
    db,
  )
}

/**
 * Stores a pair before it is first used. With `after` it replaces that version only; null if a newer one is stored. Without, a new
 * authorization replaces any pair.
 */
export async function writeTokens(
  db: Executor,
  accountId: string,
  tokens: NewTokens,
  after: number | null,
): Promise<StoredExpiry | null> {
  const { rows } = await sql<StoredExpiry>`
    update account
       set access_token_sealed = ${tokens.accessTokenSealed}, refresh_token_sealed = ${tokens.refreshTokenSealed},
           access_expires_at = clock_timestamp() + make_interval(secs => ${tokens.expiresInSeconds}),
           refresh_expires_at = clock_timestamp() + make_interval(secs => ${tokens.refreshExpiresInSeconds}),
           access_lifetime_seconds = ${tokens.expiresInSeconds}, token_version = token_version + 1,
           updated_at = now()
     where id = ${accountId} and (${after}::int is null or token_version = ${after}::int)
    returning token_version as version,
              floor(extract(epoch from access_expires_at) * 1000)::float8 as "accessExpiresAt",
              floor(extract(epoch from refresh_expires_at) * 1000)::float8 as "refreshExpiresAt"`.execute(db)
  return rows[0] ?? null
}

/** Deletes an account's tokens. */
export async function deleteTokens(db: Executor, accountId: string): Promise<void> {
  await sql`
    update account
       set access_token_sealed = null, refresh_token_sealed = null, access_expires_at = null,
           refresh_expires_at = null, updated_at = now()
     where id = ${accountId}`.execute(db)
}

/** An encrypted token with its row and column. */
export interface SealedToken {
  readonly organizationId: string
  readonly row: string
  readonly column: 'access_token' | 'refresh_token'
  readonly sealed: string
}

/** Yields every stored token, read in batches of 500 accounts, for re-encryption under another key. */
export async function* eachSealedToken(db: Executor): AsyncGenerator<SealedToken> {
  let last = '00000000-0000-0000-0000-000000000000'
  for (;;) {
    const { rows } = await sql<{ id: string; organizationId: string; access: string; refresh: string }>`
      select id, organization_id as "organizationId", access_token_sealed as access, refresh_token_sealed as refresh
        from account where id > ${last} and access_token_sealed is not null order by id limit 500`.execute(db)
    for (const { id, organizationId, access, refresh } of rows) {
      yield { organizationId, row: id, column: 'access_token', sealed: access }
      yield { organizationId, row: id, column: 'refresh_token', sealed: refresh }
      last = id
    }
    if (rows.length === 0) return
  }
}

/** Replaces a token with its re-encrypted form. False if a newer token is stored by now. */
export async function replaceSealedToken(
  db: Executor,
  { row, column }: Pick<SealedToken, 'row' | 'column'>,
  from: string,
  to: string,
): Promise<boolean> {
  const cell = sql.ref(`${column}_sealed`)
  const { numAffectedRows } = await sql`
    update account set ${cell} = ${to} where id = ${row} and ${cell} = ${from}`.execute(db)
  return numAffectedRows === 1n
}

/** The number of unfinished uploads whose address is encrypted under each key, by key id. They last an hour at most. */
export async function countSealedUploads(
  db: Executor,
): Promise<readonly { readonly keyId: string; readonly uploads: number }[]> {
  const { rows } = await sql<{ keyId: string; uploads: number }>`
    select split_part(context->'post'->>'uploadUrlSealed', '.', 2) as "keyId", count(*)::int as uploads
      from machine_instance where machine = 'job' and tag <> 'final' and context->'post'->>'publishId' is not null
       and context->>'sentAt' is null
     group by 1`.execute(db)
  return rows
}

/** The ids of the keys that stored tokens are encrypted under. Tokens in the first format name no key and are omitted. */
export async function listNeededKeys(db: Executor): Promise<readonly string[]> {
  const { rows } = await sql<{ keyId: string }>`
    select distinct key_id as "keyId" from (
      select split_part(access_token_sealed, '.', 2) as key_id from account where access_token_sealed like 'v2.%'
      union all
      select split_part(refresh_token_sealed, '.', 2) from account where refresh_token_sealed like 'v2.%'
    ) sealed order by 1`.execute(db)
  return rows.map(({ keyId }) => keyId)
}

/** Of some accounts of an organization, those with a token encrypted under one of these keys. */
export async function listAccountsSealedUnder(
  db: Executor,
  organizationId: string,
  { accountIds, keyIds }: { readonly accountIds: readonly string[]; readonly keyIds: readonly string[] },
): Promise<readonly string[]> {
  const { rows } = await sql<{ id: string }>`
    select id from account
     where organization_id = ${organizationId} and id = any(${accountIds}::uuid[])
       and (split_part(access_token_sealed, '.', 2) = any(${keyIds}::text[])
            or split_part(refresh_token_sealed, '.', 2) = any(${keyIds}::text[]))`.execute(db)
  return rows.map(({ id }) => id)
}

/** Whether any token is stored, in any format. */
export async function hasSealedRows(db: Executor): Promise<boolean> {
  const { rows } = await sql<{ found: boolean }>`
    select exists (select from account where access_token_sealed is not null) as found`.execute(db)
  return rows[0]?.found ?? false
}
