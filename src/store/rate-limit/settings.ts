import { sql } from 'kysely'
import type { Executor } from '../database.ts'

export type RateLimitName = 'uploads' | 'reads' | 'posts'

export interface RateLimitSettings {
  /** The limits that the organization has set; the others have their defaults. */
  readonly set: Readonly<Partial<Record<RateLimitName, number>>>
  /** Per account: how many posts in 24 hours TikTok allowed its creator, and when that was learned. */
  readonly learnedCaps: ReadonlyMap<string, { readonly maxPosts: number; readonly learnedAt: Date }>
}

/** Reads an organization's own limits, and what was learned about its creators after an instant. */
export async function readRateLimitSettings(
  db: Executor,
  organizationId: string,
  learnedAfter: Date,
): Promise<RateLimitSettings> {
  const { rows } = await sql<{ name: string; limit: number; learnedAt: Date | null }>`
    select name, max_calls as "limit", null::timestamptz as "learnedAt" from rate_limit_setting
     where organization_id = ${organizationId}
    union all
    select account_id::text, max_posts, learned_at from learned_cap
     where organization_id = ${organizationId} and learned_at > ${learnedAfter}`.execute(db)
  return {
    set: Object.fromEntries(rows.flatMap(({ name, limit, learnedAt }) => (learnedAt ? [] : [[name, limit]]))),
    learnedCaps: new Map(
      rows.flatMap(({ name, limit, learnedAt }) =>
        learnedAt ? [[name, { maxPosts: limit, learnedAt }] as const] : [],
      ),
    ),
  }
}

/** Reads an organization's own limit, locked until the end of the transaction; null if it is the default. */
export async function lockRateLimit(
  db: Executor,
  organizationId: string,
  name: RateLimitName,
): Promise<number | null> {
  const { rows } = await sql<{ maxCalls: number }>`
    select max_calls as "maxCalls" from rate_limit_setting where organization_id = ${organizationId} and name = ${name}
       for update`.execute(db)
  return rows[0]?.maxCalls ?? null
}

/** Sets a limit of an organization; null restores the default. */
export async function setRateLimit(
  db: Executor,
  organizationId: string,
  name: RateLimitName,
  maxCalls: number | null,
): Promise<void> {
  if (maxCalls === null) {
    await sql`
      delete from rate_limit_setting where organization_id = ${organizationId} and name = ${name}`.execute(db)
    return
  }
  await sql`
    insert into rate_limit_setting (organization_id, name, max_calls) values (${organizationId}, ${name}, ${maxCalls})
    on conflict (organization_id, name) do update set max_calls = excluded.max_calls, updated_at = now()`.execute(
    db,
  )
}

/** Records how many posts in 24 hours TikTok allowed a creator. */
export async function writeLearnedCap(
  db: Executor,
  { organizationId, accountId }: { readonly organizationId: string; readonly accountId: string },
  maxPosts: number,
): Promise<void> {
  await sql`
    insert into learned_cap (organization_id, account_id, max_posts) values (${organizationId}, ${accountId}, ${maxPosts})
    on conflict (organization_id, account_id) do update set max_posts = excluded.max_posts, learned_at = now()`.execute(
    db,
  )
}
