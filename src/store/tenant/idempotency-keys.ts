import { sql } from 'kysely'
import type { Executor } from '../database.ts'

export interface KeyRequest {
  readonly organizationId: string
  readonly key: string
  /** A hash of the operation and its input. */
  readonly fingerprint: Buffer
  /** The lifetime of the key. */
  readonly minutes: number
}

export type KeyClaim =
  /** The key was unused. The caller's transaction holds it until it ends, and uses it if it commits. */
  | { readonly kind: 'new' }
  | { readonly kind: 'known'; readonly fingerprint: Buffer; readonly stored: StoredOutcome }
  /** Another transaction still holds the key. The caller's transaction can only be rolled back. */
  | { readonly kind: 'busy' }

/** The outcome of the first request with a key. */
export interface StoredOutcome {
  /** The command's result, without secrets: enough to render a response again. */
  readonly outcome: object
  /** The response as JSON and a hash of its request; null if the response may not be stored. */
  readonly response: { readonly body: string; readonly requestHash: Buffer } | null
}

/**
 * Claims a key in the caller's transaction. If another transaction holds the key, this waits for it, at most two seconds: if that one
 * commits, its response is returned; if it rolls back, the key is free again.
 */
export async function claimKey(tx: Executor, request: KeyRequest): Promise<KeyClaim> {
  const { organizationId, key, fingerprint, minutes } = request
  const { rows } = await sql<{
    readonly fingerprint: Buffer
    readonly result: object
    readonly response: string | null
    readonly request_hash: Buffer | null
  }>`
    select fingerprint, result, response, request_hash
      from claim_idempotency_key(${organizationId}, ${key}, ${fingerprint}, ${minutes})`
    .execute(tx)
    .catch((error) => {
      if (isLockTimeout(error)) return { rows: null }
      throw error
    })
  if (rows === null) return { kind: 'busy' }
  const [row] = rows
  if (!row) return { kind: 'new' }
  const { result: outcome, response: body, request_hash: requestHash } = row
  return {
    kind: 'known',
    fingerprint: row.fingerprint,
    stored: { outcome, response: body !== null && requestHash !== null ? { body, requestHash } : null },
  }
}

/** Stores the outcome under a claimed key, in the transaction that claimed it. */
export async function storeOutcome(
  tx: Executor,
  { organizationId, key }: Pick<KeyRequest, 'organizationId' | 'key'>,
  { outcome, response }: StoredOutcome,
): Promise<void> {
  await sql`
    update idempotency_key
       set result = ${JSON.stringify(outcome)}::jsonb, response = ${response?.body ?? null},
           request_hash = ${response?.requestHash ?? null}
     where organization_id = ${organizationId} and key = ${key}`.execute(tx)
}

/** SQLSTATE 55P03, `lock_not_available`: a lock was not acquired within `lock_timeout`. */
function isLockTimeout(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === '55P03'
}
