-- Every post has a cover: the frame that a slot names, in milliseconds from the start of its video. Null if it names none; the program
-- then chooses the first frame whose caption is complete.
alter table slot
  add column cover_timestamp_ms int check (cover_timestamp_ms >= 0),
  add constraint slot_draft_without_cover check (mode = 'direct' or cover_timestamp_ms is null);

-- It is posted, so it is approved. What was approved as it is stays approved; what was changed since stays stale. A post that is open
-- meanwhile names the hash before: its job opens another one.
alter function approval_hash(slot) rename to approval_hash_v2;
create function approval_hash(of_slot slot) returns text
  language sql stable parallel safe
  as $$
    select 'v3:' || encode(sha256(convert_to(jsonb_build_object(
             'account', plan.account_id, 'timeZone', plan.time_zone, 'wallTime', of_slot.wall_time,
             'storyboard', of_slot.storyboard, 'coverTimestampMs', of_slot.cover_timestamp_ms,
             'mode', of_slot.mode, 'caption', of_slot.caption,
             'privacy', of_slot.privacy, 'allowComment', of_slot.allow_comment, 'allowDuet', of_slot.allow_duet,
             'allowStitch', of_slot.allow_stitch, 'brandContent', of_slot.brand_content,
             'brandOrganic', of_slot.brand_organic, 'isAigc', of_slot.is_aigc)::text, 'UTF8')), 'hex')
      from plan where plan.id = of_slot.plan_id $$;
set local role reelpilot_runtime;
update slot set approved_hash = approval_hash(slot)
 where approved_hash is not null and approved_hash = approval_hash_v2(slot);
reset role;
drop function approval_hash_v2(slot);
