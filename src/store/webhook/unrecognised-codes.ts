import { sql } from 'kysely'
import type { Executor } from '../database.ts'

/** A code from an upstream that the verdict table does not contain. */
export interface UnrecognisedCode {
  readonly source: string
  readonly code: string
  readonly occurrences: number
  readonly lastLogId: string | null
  readonly firstSeenAt: Date
  readonly lastSeenAt: Date
}

export async function countUnrecognised(
  db: Executor,
  organizationId: string,
  { source, code, logId }: { readonly source: string; readonly code: string; readonly logId?: string },
): Promise<void> {
  await sql`
    insert into unrecognised_code (organization_id, source, code, last_log_id)
    values (${organizationId}, ${source}, ${code}, ${logId ?? null})
    on conflict (organization_id, source, code) do update
       set occurrences = unrecognised_code.occurrences + 1, last_seen_at = now(),
           last_log_id = coalesce(excluded.last_log_id, unrecognised_code.last_log_id)`.execute(db)
}

/** The most recent first. */
export async function listUnrecognised(
  db: Executor,
  organizationId: string,
): Promise<readonly UnrecognisedCode[]> {
  const { rows } = await sql<UnrecognisedCode>`
    select source, code, occurrences, last_log_id as "lastLogId", first_seen_at as "firstSeenAt",
           last_seen_at as "lastSeenAt"
      from unrecognised_code where organization_id = ${organizationId}
     order by last_seen_at desc limit 100`.execute(db)
  return rows
}
