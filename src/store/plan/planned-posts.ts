import { sql } from 'kysely'
import type { Executor } from '../database.ts'

/** A direct post of an account that is not made yet. */
export interface PlannedPost {
  readonly slotId: string
  readonly planId: string
  readonly publishAt: Date
}

/** Two months of posts of an account, at the default limit. */
const maxPlannedPosts = 1_000

/** Lists the direct posts of an account that were sent since an instant, and those that its approved plans will make, in order. */
export async function listPosts(
  db: Executor,
  of: { readonly organizationId: string; readonly accountId: string },
  { sentSince, dueSince }: { readonly sentSince: Date; readonly dueSince: Date },
): Promise<{ readonly sentAt: readonly number[]; readonly planned: readonly PlannedPost[] }> {
  const { organizationId, accountId } = of
  const sent = await sql<{ sentAt: number }>`
    select (job.context->>'sentAt')::float8 as "sentAt"
      from machine_instance job join slot on slot.id = job.slot_id
     where job.organization_id = ${organizationId} and job.account_id = ${accountId} and job.machine = 'job'
       and slot.mode = 'direct' and (job.context->>'sentAt')::float8 > ${sentSince.getTime()}
     order by 1`.execute(db)
  const planned = await sql<PlannedPost>`
    select slot.id as "slotId", slot.plan_id as "planId", slot.publish_at as "publishAt"
      from slot join plan on plan.id = slot.plan_id left join machine_instance job on job.slot_id = slot.id and job.state <> 'cancelled'
     where plan.organization_id = ${organizationId} and plan.account_id = ${accountId} and slot.mode = 'direct'
       and (job.id is null and slot.claimed_at is null and plan.state = 'approved' and slot.publish_at > ${dueSince}
            or job.id is not null and job.tag not in ('settled', 'final')
               and (job.context->>'sentAt') is null)
     order by slot.publish_at, slot.id limit ${maxPlannedPosts}`.execute(db)
  return { sentAt: sent.rows.map(({ sentAt }) => sentAt), planned: planned.rows }
}
