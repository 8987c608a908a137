import { sql } from 'kysely'
import type { Executor } from '../database.ts'
import { slotSeconds } from './slot-length.ts'
import type { PostSettings } from './slots.ts'

/** The settings of a slot that its creator's TikTok settings may forbid. */
export interface SlotSettings
  extends Pick<PostSettings, 'mode' | 'privacy' | 'allowComment' | 'allowDuet' | 'allowStitch'> {
  /** The length of its video. */
  readonly seconds: number
  /** Whether the slot has a storyboard. Otherwise it posts a media. */
  readonly isGenerated: boolean
}

export const slotSettingsColumns = sql`
  slot.mode, slot.privacy, slot.allow_comment as "allowComment", slot.allow_duet as "allowDuet",
  slot.allow_stitch as "allowStitch", ${slotSeconds} as seconds,
  slot.media_id is null as "isGenerated"`

/** Lists the settings of a plan's unclaimed slots that are due after an instant, the earliest first. */
export async function listUnclaimedSlotSettings(
  db: Executor,
  planId: string,
  since: Date,
): Promise<readonly (SlotSettings & { readonly slotId: string; readonly mediaId: string | null })[]> {
  const { rows } = await sql<SlotSettings & { readonly slotId: string; readonly mediaId: string | null }>`
    select slot.id as "slotId", slot.media_id as "mediaId", ${slotSettingsColumns} from slot
     where plan_id = ${planId} and claimed_at is null and publish_at > ${since}
     order by publish_at, id`.execute(db)
  return rows
}
