import { sql } from 'kysely'
import type { Executor } from '../database.ts'

export type RateLimitName = 'uploads' | 'reads' | 'posts'

export interface RateLimitSettings {
  readonly set: Readonly<Partial<Record<RateLimitName, number>>>
  /** Posts in 24 hours that a creator was allowed, by account, and when that was learned. */
  readonly learned: ReadonlyMap<string, { readonly most: number; readonly learnedAt: Date }>
}

/** What an organization has set to differ from the defaults, and what was learned of its creators after an instant. */
export async function readRateLimitSettings(
  db: Executor,
  organizationId: string,
  learnedAfter: Date,
): Promise<RateLimitSettings> {
  const { rows } = await sql<{ name: string; most: number; learnedAt: Date | null }>`
    select name, most, null::timestamptz as "learnedAt" from rate_limit_setting
     where organization_id = ${organizationId}
    union all
    select account_id::text, most, learned_at from learned_cap
     where organization_id = ${organizationId} and learned_at > ${learnedAfter}`.execute(db)
  return {
    set: Object.fromEntries(rows.flatMap(({ name, most, learnedAt }) => (learnedAt ? [] : [[name, most]]))),
    learned: new Map(
      rows.flatMap(({ name, most, learnedAt }) => (learnedAt ? [[name, { most, learnedAt }] as const] : [])),
    ),
  }
}

/** What an organization has set a limit to; null if it is the default. Locks it until the end of the transaction. */
export async function lockRateLimit(
  db: Executor,
  organizationId: string,
  name: RateLimitName,
): Promise<number | null> {
  const { rows } = await sql<{ most: number }>`
    select most from rate_limit_setting where organization_id = ${organizationId} and name = ${name}
       for update`.execute(db)
  return rows[0]?.most ?? null
}

/** Sets a limit of an organization's; null goes back to the default. */
export async function setRateLimit(
  db: Executor,
  organizationId: string,
  name: RateLimitName,
  most: number | null,
): Promise<void> {
  if (most === null) {
    await sql`
      delete from rate_limit_setting where organization_id = ${organizationId} and name = ${name}`.execute(db)
    return
  }
  await sql`
    insert into rate_limit_setting (organization_id, name, most) values (${organizationId}, ${name}, ${most})
    on conflict (organization_id, name) do update set most = excluded.most, updated_at = now()`.execute(db)
}

/** Keeps how many posts in 24 hours a creator was allowed. */
export async function insertLearnedCap(
  db: Executor,
  { organizationId, accountId }: { readonly organizationId: string; readonly accountId: string },
  most: number,
): Promise<void> {
  await sql`
    insert into learned_cap (organization_id, account_id, most) values (${organizationId}, ${accountId}, ${most})
    on conflict (organization_id, account_id) do update set most = excluded.most, learned_at = now()`.execute(
    db,
  )
}
