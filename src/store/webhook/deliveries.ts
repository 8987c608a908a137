import { sql } from 'kysely'
import type { Executor } from '../database.ts'

/** A webhook delivery to store. */
export interface NewDelivery {
  /** Equal for every repetition of the same delivery. */
  readonly key: string
  readonly event: string
  readonly openId: string | null
  readonly publishId: string | null
  readonly payload: object
  readonly signedAt: Date
}

/** Stores a delivery. False if the same one is stored already. */
export async function insertDelivery(db: Executor, delivery: NewDelivery): Promise<boolean> {
  const { numInsertedOrUpdatedRows } = await db
    .insertInto('webhook_delivery')
    .values({
      key: delivery.key,
      event: delivery.event,
      open_id: delivery.openId,
      publish_id: delivery.publishId,
      payload: JSON.stringify(delivery.payload),
      signed_at: delivery.signedAt,
    })
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirstOrThrow()
  return numInsertedOrUpdatedRows === 1n
}

/** Locks an unhandled delivery until the end of the transaction, and returns its payload; null if it was handled. */
export async function lockDelivery(db: Executor, key: string): Promise<unknown> {
  const { rows } = await sql<{ payload: unknown }>`
    select payload from webhook_delivery where key = ${key} and handled_at is null for update`.execute(db)
  return rows[0]?.payload ?? null
}

export async function markHandled(db: Executor, key: string, outcome: string): Promise<void> {
  await sql`update webhook_delivery
               set handled_at = clock_timestamp(), outcome = ${outcome}, failed_at = null, failure = null
             where key = ${key}`.execute(db)
}

/** Records that handling a delivery failed, and why, unless it was handled meanwhile. */
export async function markFailed(db: Executor, key: string, failure: string): Promise<void> {
  await sql`update webhook_delivery set failed_at = clock_timestamp(), failure = ${failure}
             where key = ${key} and handled_at is null`.execute(db)
}

/** Marks the failed deliveries of the last 72 hours, which TikTok might still repeat, for another attempt, and returns their keys. */
export async function retryFailedDeliveries(db: Executor): Promise<readonly string[]> {
  const { rows } = await sql<{ key: string }>`
    update webhook_delivery set failed_at = null, failure = null
     where failed_at is not null and received_at > now() - interval '72 hours'
    returning key`.execute(db)
  return rows.map(({ key }) => key)
}

/** The job that opened a post, and the account of the post. */
export async function findJobOfPost(
  db: Executor,
  publishId: string,
): Promise<{
  readonly jobId: string
  readonly organizationId: string
  readonly openId: string | null
} | null> {
  const { rows } = await sql<{ jobId: string; organizationId: string; openId: string | null }>`
    select job.id as "jobId", job.organization_id as "organizationId", account.open_id as "openId"
      from machine_instance job join account on account.id = job.account_id
     where job.context->'post'->>'publishId' = ${publishId}`.execute(db)
  return rows[0] ?? null
}

/**
 * Whether TikTok has delivered a later event about the visibility of a post. An event that changed nothing left no trace in the job, so
 * an older takedown that arrives after it must be compared with the deliveries themselves.
 */
export async function isSuperseded(
  db: Executor,
  publishId: string,
  types: readonly string[],
  { postId, createdAt }: { readonly postId: string | null; readonly createdAt: number },
): Promise<boolean> {
  const { rows } = await sql<{ found: boolean }>`
    select exists (select from webhook_delivery
                    where publish_id = ${publishId} and payload->'event'->>'type' = any(${types}::text[])
                      and (payload->'event'->>'postId') is not distinct from ${postId}
                      and (payload->'event'->>'createdAt')::float8 > ${createdAt}) as found`.execute(db)
  return rows[0]?.found ?? false
}
