import { sql } from 'kysely'
import type { Executor } from './database.ts'

/** What the store knows of an idempotency key. */
export type KeyClaim =
  /** Nobody used it: it is the caller's until the transaction ends, and for good if it commits. */
  | { readonly kind: 'new' }
  | { readonly kind: 'known'; readonly fingerprint: Buffer; readonly answer: object | null }

export interface KeyRequest {
  readonly organizationId: string
  readonly key: string
  readonly fingerprint: Buffer
  /** How long the key is remembered. */
  readonly minutes: number
}

/**
 * Claims a key in the caller's transaction. While another transaction works under the same key this waits for it:
 * if that one commits, its answer is found; if it rolls back, the key is free again.
 */
export async function claimKey(tx: Executor, request: KeyRequest): Promise<KeyClaim> {
  const { organizationId, key, fingerprint, minutes } = request
  const { rows: claimed } = await sql`
    insert into idempotency_key as held (organization_id, key, fingerprint, expires_at)
    values (${organizationId}, ${key}, ${fingerprint}, now() + make_interval(mins => ${minutes}))
    on conflict (organization_id, key) do update
       set fingerprint = excluded.fingerprint, answer = null, created_at = now(), expires_at = excluded.expires_at
     where held.expires_at < now()
    returning key`.execute(tx)
  if (claimed.length > 0) return { kind: 'new' }

  const { rows } = await sql<{ fingerprint: Buffer; answer: object | null }>`
    select fingerprint, answer from idempotency_key
     where organization_id = ${organizationId} and key = ${key}`.execute(tx)
  const [held] = rows
  if (!held) throw new Error('an idempotency key went away while it was read')
  return { kind: 'known', ...held }
}

export async function keepAnswer(
  tx: Executor,
  organizationId: string,
  key: string,
  answer: object,
): Promise<void> {
  await sql`
    update idempotency_key set answer = ${JSON.stringify(answer)}::jsonb
     where organization_id = ${organizationId} and key = ${key}`.execute(tx)
}
