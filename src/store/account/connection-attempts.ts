import { sql } from 'kysely'
import type { Executor } from '../database.ts'

/** An authorization that is under way at TikTok's authorize page. */
export interface ConnectionAttempt {
  readonly id: string
  readonly organizationId: string
  readonly accountId: string
  readonly verifierSealed: string
  readonly redirectUri: string
  readonly scopes: readonly string[]
}

export async function insertAttempt(
  db: Executor,
  attempt: ConnectionAttempt & { readonly stateHash: Buffer; readonly expiresAt: Date },
): Promise<void> {
  await db
    .insertInto('connection_attempt')
    .values({
      id: attempt.id,
      organization_id: attempt.organizationId,
      account_id: attempt.accountId,
      state_hash: attempt.stateHash,
      verifier_sealed: attempt.verifierSealed,
      redirect_uri: attempt.redirectUri,
      scopes: [...attempt.scopes],
      expires_at: attempt.expiresAt,
    })
    .execute()
}

/** Uses the attempt with a `state` hash. Null if there is none, it has expired, or it was used before. */
export async function useAttempt(db: Executor, stateHash: Buffer): Promise<ConnectionAttempt | null> {
  const { rows } = await sql<ConnectionAttempt>`
    update connection_attempt set used_at = clock_timestamp()
     where state_hash = ${stateHash} and used_at is null and expires_at > clock_timestamp()
    returning id, organization_id as "organizationId", account_id as "accountId",
              verifier_sealed as "verifierSealed", redirect_uri as "redirectUri", scopes`.execute(db)
  return rows[0] ?? null
}

/** Deletes attempts that expired a day ago. */
export async function pruneAttempts(db: Executor): Promise<number> {
  const { numAffectedRows } =
    await sql`delete from connection_attempt where expires_at < now() - interval '1 day'`.execute(db)
  return Number(numAffectedRows ?? 0n)
}
