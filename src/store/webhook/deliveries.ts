import { sql } from 'kysely'
import type { Executor } from '../database.ts'

/** What was told by webhook, as it is kept. */
export interface NewDelivery {
  /** The same for every repetition of the same news. */
  readonly key: string
  readonly event: string
  readonly openId: string | null
  readonly publishId: string | null
  readonly news: object
  readonly signedAt: Date
}

/** Keeps a delivery; false if the same was kept before. */
export async function keepDelivery(db: Executor, delivery: NewDelivery): Promise<boolean> {
  const { numInsertedOrUpdatedRows } = await db
    .insertInto('webhook_delivery')
    .values({
      key: delivery.key,
      event: delivery.event,
      open_id: delivery.openId,
      publish_id: delivery.publishId,
      news: JSON.stringify(delivery.news),
      signed_at: delivery.signedAt,
    })
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirstOrThrow()
  return numInsertedOrUpdatedRows === 1n
}

/** A delivery that was not taken in yet, locked until the end of the transaction; null if it was. */
export async function lockDelivery(db: Executor, key: string): Promise<unknown> {
  const { rows } = await sql<{ news: unknown }>`
    select news from webhook_delivery where key = ${key} and handled_at is null for update`.execute(db)
  return rows[0]?.news ?? null
}

export async function settleDelivery(db: Executor, key: string, outcome: string): Promise<void> {
  await sql`update webhook_delivery
               set handled_at = clock_timestamp(), outcome = ${outcome}, failed_at = null, failure = null
             where key = ${key}`.execute(db)
}

/** Notes that a delivery could not be taken in, and why; one that was meanwhile stays as it is. */
export async function failDelivery(db: Executor, key: string, failure: string): Promise<void> {
  await sql`update webhook_delivery set failed_at = clock_timestamp(), failure = ${failure}
             where key = ${key} and handled_at is null`.execute(db)
}

/** Takes up the failed deliveries that TikTok might still repeat, and answers their keys; what is older only lies there. */
export async function takeUpFailedDeliveries(db: Executor): Promise<readonly string[]> {
  const { rows } = await sql<{ key: string }>`
    update webhook_delivery set failed_at = null, failure = null
     where failed_at is not null and received_at > now() - interval '72 hours'
    returning key`.execute(db)
  return rows.map(({ key }) => key)
}

/** The job that opened a post, and whose account it went to. */
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
 * Whether TikTok has told something later about who can see a post. A showing that changed nothing has left no trace in the
 * job, so an older takedown that is told after it must be held against the deliveries themselves.
 */
export async function isOvertaken(
  db: Executor,
  publishId: string,
  types: readonly string[],
  { postId, createdAt }: { readonly postId: string | null; readonly createdAt: number },
): Promise<boolean> {
  const { rows } = await sql<{ overtaken: boolean }>`
    select exists (select from webhook_delivery
                    where publish_id = ${publishId} and news->'event'->>'type' = any(${types}::text[])
                      and (news->'event'->>'postId') is not distinct from ${postId}
                      and (news->'event'->>'createdAt')::float8 > ${createdAt}) as overtaken`.execute(db)
  return rows[0]?.overtaken ?? false
}

/** Forgets what was taken in, or could not be, long ago. TikTok repeats a delivery for 72 hours at most. */
export async function pruneDeliveries(db: Executor): Promise<number> {
  const { numAffectedRows } = await sql`delete from webhook_delivery
               where coalesce(handled_at, failed_at) < now() - interval '30 days'`.execute(db)
  return Number(numAffectedRows ?? 0n)
}
