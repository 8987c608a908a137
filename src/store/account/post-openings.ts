import { sql } from 'kysely'
import type { Executor } from '../database.ts'

/** A post that a job is about to open at TikTok. */
export interface PostOpening {
  readonly organizationId: string
  readonly accountId: string
  readonly jobId: string
  /** The minimum gap to the account's last post; 0 for none, such as for a post that is on time. */
  readonly gapMs: number
}

export type PostOpeningClaim =
  | { readonly kind: 'claimed' }
  /** Another post of the account was opened less than the gap ago. */
  | { readonly kind: 'deferred'; readonly afterMs: number }

/**
 * Claims the right to open a post now; the next post with a gap keeps its distance to this instant. One update of the account's row,
 * so one of several concurrent claims succeeds. The job that claimed last may claim again, because a rate limit may have deferred it
 * between the claim and the post.
 */
export async function claimPostOpening(
  db: Executor,
  { organizationId, accountId, jobId, gapMs }: PostOpening,
): Promise<PostOpeningClaim> {
  const gap = sql`make_interval(secs => ${gapMs / 1_000})`
  const { numAffectedRows } = await sql`
    update account set last_post_at = clock_timestamp(), last_post_job = ${jobId}
     where organization_id = ${organizationId} and id = ${accountId}
       and (${gapMs}::int = 0 or last_post_at is null or last_post_job = ${jobId}
            or last_post_at <= clock_timestamp() - ${gap})`.execute(db)
  if (numAffectedRows === 1n) return { kind: 'claimed' }
  const { rows } = await sql<{ afterMs: number }>`
    select (extract(epoch from last_post_at + ${gap} - clock_timestamp()) * 1000)::float8 as "afterMs"
      from account where organization_id = ${organizationId} and id = ${accountId}`.execute(db)
  return { kind: 'deferred', afterMs: Math.max(0, rows[0]?.afterMs ?? 0) }
}
