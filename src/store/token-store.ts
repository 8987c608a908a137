import { sql } from 'kysely'
import type { Executor } from './database.ts'

/** An account's tokens as they are stored: sealed. */
export interface StoredTokens {
  readonly accessTokenSealed: string
  readonly refreshTokenSealed: string
  readonly accessExpiresAt: Date
  readonly version: number
}

export async function readTokens(
  db: Executor,
  accountId: string,
): Promise<(StoredTokens & { readonly state: string; readonly now: Date }) | null> {
  const { rows } = await sql<StoredTokens & { state: string; now: Date }>`
    select access_token_sealed as "accessTokenSealed", refresh_token_sealed as "refreshTokenSealed",
           access_expires_at as "accessExpiresAt", token_version as version, state, clock_timestamp() as now
      from account where id = ${accountId} and access_token_sealed is not null`.execute(db)
  return rows[0] ?? null
}

/**
 * Takes the right to refresh this version of the tokens; one worker at a time, and nobody once the version moved on.
 * A refresh token is presented at most once: whoever took the right and died leaves it to the lease's end.
 */
export async function takeRefreshLease(db: Executor, accountId: string, version: number): Promise<boolean> {
  const { numAffectedRows } = await sql`
    update account set refresh_lease_until = clock_timestamp() + interval '60 seconds'
     where id = ${accountId} and token_version = ${version}
       and (refresh_lease_until is null or refresh_lease_until < clock_timestamp())`.execute(db)
  return numAffectedRows === 1n
}

/** Persists a refreshed pair before it is first used; refused if somebody else has written a newer one. */
export async function writeTokens(
  db: Executor,
  accountId: string,
  version: number,
  tokens: {
    readonly accessTokenSealed: string
    readonly refreshTokenSealed: string
    readonly expiresInSeconds: number
    readonly refreshExpiresInSeconds: number
  },
): Promise<boolean> {
  const { numAffectedRows } = await sql`
    update account
       set access_token_sealed = ${tokens.accessTokenSealed}, refresh_token_sealed = ${tokens.refreshTokenSealed},
           access_expires_at = clock_timestamp() + make_interval(secs => ${tokens.expiresInSeconds}),
           refresh_expires_at = clock_timestamp() + make_interval(secs => ${tokens.refreshExpiresInSeconds}),
           token_version = token_version + 1, refresh_lease_until = null, updated_at = now()
     where id = ${accountId} and token_version = ${version}`.execute(db)
  return numAffectedRows === 1n
}

/** Lets the right to refresh go: nothing was sent, or it surely was not accepted. */
export async function releaseRefreshLease(db: Executor, accountId: string, version: number): Promise<void> {
  await sql`update account set refresh_lease_until = null
             where id = ${accountId} and token_version = ${version}`.execute(db)
}

/** The tokens are dead: only the account's owner can help. */
export async function markForReauthorization(
  db: Executor,
  accountId: string,
  version: number,
): Promise<void> {
  await sql`update account set state = 'needs_reauthorization', updated_at = now()
             where id = ${accountId} and token_version = ${version}`.execute(db)
}
