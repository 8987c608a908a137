import { sql } from 'kysely'
import type { Executor } from '../database.ts'
import type { Privacy, SlotMode } from '../tables.ts'
import { slotSeconds } from './due-slots.ts'

/** What of a slot its creator's settings may forbid. */
export interface SlotWish {
  readonly mode: SlotMode
  /** Null for a draft, and for a direct post until somebody has chosen. */
  readonly privacy: Privacy | null
  readonly allowComment: boolean
  readonly allowDuet: boolean
  readonly allowStitch: boolean
  /** The length of its video. */
  readonly seconds: number
}

export const wishColumns = sql`
  slot.mode, slot.privacy, slot.allow_comment as "allowComment", slot.allow_duet as "allowDuet",
  slot.allow_stitch as "allowStitch", ${slotSeconds} as seconds`

/** The slots of a plan that no job has claimed and whose time is not over since an instant, the earliest first. */
export async function listSlotWishes(
  db: Executor,
  planId: string,
  since: Date,
): Promise<readonly (SlotWish & { readonly slotId: string })[]> {
  const { rows } = await sql<SlotWish & { readonly slotId: string }>`
    select slot.id as "slotId", ${wishColumns} from slot
     where plan_id = ${planId} and claimed_at is null and publish_at > ${since}
     order by publish_at, id`.execute(db)
  return rows
}
