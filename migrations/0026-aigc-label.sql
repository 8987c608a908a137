-- Whether the post is labelled as made by AI is the slot's own: what a machine has generated says so unless its planner knows better.
alter table slot add column is_aigc boolean not null default true;

-- It is posted, so it is approved. What was approved under the hash before stays approved; what had been changed since stays stale.
alter function approval_hash(slot) rename to approval_hash_v1;
create function approval_hash(of_slot slot) returns text
  language sql stable parallel safe
  as $$
    select 'v2:' || encode(sha256(convert_to(jsonb_build_object(
             'account', plan.account_id, 'timeZone', plan.time_zone, 'wallTime', of_slot.wall_time,
             'storyboard', of_slot.storyboard, 'mode', of_slot.mode, 'caption', of_slot.caption,
             'privacy', of_slot.privacy, 'allowComment', of_slot.allow_comment, 'allowDuet', of_slot.allow_duet,
             'allowStitch', of_slot.allow_stitch, 'brandContent', of_slot.brand_content,
             'brandOrganic', of_slot.brand_organic, 'isAigc', of_slot.is_aigc)::text, 'UTF8')), 'hex')
      from plan where plan.id = of_slot.plan_id $$;
set local role reelpilot_runtime;
update slot set approved_hash = approval_hash(slot)
 where approved_hash is not null and approved_hash = approval_hash_v1(slot);
reset role;
drop function approval_hash_v1(slot);
