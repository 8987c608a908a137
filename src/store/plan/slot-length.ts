import { sql } from 'kysely'

/** The length of a slot's video in whole seconds; 0 if its storyboard has none, which its job will report. */
export const slotSeconds = sql<number>`case when slot.media_id is null then (
  select coalesce(ceil(sum((seconds #>> '{}')::numeric)), 0)::int
    from jsonb_path_query(slot.storyboard, '$.scenes[*].seconds ? (@.type() == "number")') as seconds)
  else (select coalesce(ceil(media.seconds), 0)::int from media where media.id = slot.media_id) end`
