import { sql } from 'kysely'
import type { Executor } from '../database.ts'

/** A post that is about to be opened. */
export interface PostTurn {
  readonly organizationId: string
  readonly accountId: string
  readonly jobId: string
  /** From the account's last post; 0 for a post that keeps none, such as one that is on time. */
  readonly gapMs: number
}

export type PostTurnTaken =
  | { readonly kind: 'taken' }
  /** Another post of the account was opened less than the gap ago. */
  | { readonly kind: 'later'; readonly afterMs: number }

/**
 * Takes the account's turn to open a post: the next one that keeps a gap keeps it to this moment. It is one update of the
 * account's row, so of several that ask at once one takes it. Who has it and asks again takes it again: between the turn and
 * the post a limit may have stood.
 */
export async function takePostTurn(
  db: Executor,
  { organizationId, accountId, jobId, gapMs }: PostTurn,
): Promise<PostTurnTaken> {
  const gap = sql`make_interval(secs => ${gapMs / 1_000})`
  const { numAffectedRows } = await sql`
    update account set last_post_at = clock_timestamp(), last_post_job = ${jobId}
     where organization_id = ${organizationId} and id = ${accountId}
       and (${gapMs}::int = 0 or last_post_at is null or last_post_job = ${jobId}
            or last_post_at <= clock_timestamp() - ${gap})`.execute(db)
  if (numAffectedRows === 1n) return { kind: 'taken' }
  const { rows } = await sql<{ afterMs: number }>`
    select (extract(epoch from last_post_at + ${gap} - clock_timestamp()) * 1000)::float8 as "afterMs"
      from account where organization_id = ${organizationId} and id = ${accountId}`.execute(db)
  return { kind: 'later', afterMs: Math.max(0, rows[0]?.afterMs ?? 0) }
}
