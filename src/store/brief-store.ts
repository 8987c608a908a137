import type { Executor } from './database.ts'
import type { Privacy } from './tables.ts'

/** What a slot asks for, as the steps read it. It cannot change once a job has claimed the slot. */
export interface Brief {
  readonly organizationId: string
  readonly accountId: string
  readonly publishAt: Date
  readonly storyboard: object
  readonly caption: string
  readonly privacy: Privacy
  readonly allowComment: boolean
  readonly allowDuet: boolean
  readonly allowStitch: boolean
  readonly brandContent: boolean
  readonly brandOrganic: boolean
}

export async function readBrief(db: Executor, organizationId: string, slotId: string): Promise<Brief> {
  const row = await db
    .selectFrom('slot')
    .innerJoin('plan', 'plan.id', 'slot.plan_id')
    .selectAll('slot')
    .select('plan.account_id')
    .where('slot.organization_id', '=', organizationId)
    .where('slot.id', '=', slotId)
    .executeTakeFirstOrThrow()
  return {
    organizationId,
    accountId: row.account_id,
    publishAt: row.publish_at,
    storyboard: row.storyboard,
    caption: row.caption,
    privacy: row.privacy,
    allowComment: row.allow_comment,
    allowDuet: row.allow_duet,
    allowStitch: row.allow_stitch,
    brandContent: row.brand_content,
    brandOrganic: row.brand_organic,
  }
}
