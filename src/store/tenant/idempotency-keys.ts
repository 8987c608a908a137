import { sql } from 'kysely'
import type { Executor } from '../database.ts'

export interface KeyRequest {
  readonly organizationId: string
  readonly key: string
  /** Of the operation and its input. */
  readonly fingerprint: Buffer
  /** How long the key is remembered. */
  readonly minutes: number
}

/** What the store knows of an idempotency key. */
export type KeyClaim =
  /** Nobody used it: it is the caller's until the transaction ends, and for good if it commits. */
  | { readonly kind: 'new' }
  | { readonly kind: 'known'; readonly fingerprint: Buffer; readonly answer: StoredOutcome }
  /** Another transaction works under it, for longer than is waited for. The caller's is good for nothing but to be undone. */
  | { readonly kind: 'busy' }

/** What the first request under a key came to. */
export interface StoredOutcome {
  /** What its command answered, less what must not be stored: enough to show it anew. */
  readonly outcome: object
  /** The JSON that was shown, and a hash of the request that it was shown to; null if it may not be stored. */
  readonly response: { readonly text: string; readonly to: Buffer } | null
}

/**
 * Claims a key in the caller's transaction. While another transaction works under the same key this waits for it, up to two
 * seconds: if that one commits, its answer is found; if it rolls back, the key is free again.
 */
export async function claimKey(tx: Executor, request: KeyRequest): Promise<KeyClaim> {
  const { organizationId, key, fingerprint, minutes } = request
  const { rows } = await sql<{
    readonly fingerprint: Buffer
    readonly answer: object
    readonly shown: string | null
    readonly shown_to: Buffer | null
  }>`
    select fingerprint, answer, shown, shown_to
      from claim_idempotency_key(${organizationId}, ${key}, ${fingerprint}, ${minutes})`
    .execute(tx)
    .catch((error) => {
      if (isLockTimeout(error)) return { rows: null }
      throw error
    })
  if (rows === null) return { kind: 'busy' }
  const [held] = rows
  if (!held) return { kind: 'new' }
  const { answer: outcome, shown: text, shown_to: to } = held
  return {
    kind: 'known',
    fingerprint: held.fingerprint,
    answer: { outcome, response: text !== null && to !== null ? { text, to } : null },
  }
}

/** Keeps what a claimed key came to, in the transaction that claimed it. */
export async function storeOutcome(
  tx: Executor,
  { organizationId, key }: Pick<KeyRequest, 'organizationId' | 'key'>,
  { outcome, response }: StoredOutcome,
): Promise<void> {
  await sql`
    update idempotency_key
       set answer = ${JSON.stringify(outcome)}::jsonb, shown = ${response?.text ?? null}, shown_to = ${response?.to ?? null}
     where organization_id = ${organizationId} and key = ${key}`.execute(tx)
}

/** `lock_not_available`: what was locked was waited for in vain. */
function isLockTimeout(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === '55P03'
}
