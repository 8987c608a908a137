-- What was approved of each slot, so that a change past the API is noticed before anything is posted.
alter table slot
  -- `approval_hash` of the slot at its approval; null of what nobody has approved as it is.
  add column approved_hash text;

-- A hash over exactly what will be posted of a slot: whatever else is ever posted of it belongs in here, under the next version's
-- prefix, and what was approved under the one before is hashed anew in the same migration. It holds the wall time and its zone, not
-- the instant, which an update of the zone data may move.
create function approval_hash(of_slot slot) returns text
  language sql stable parallel safe
  as $$
    select 'v1:' || encode(sha256(convert_to(jsonb_build_object(
             'account', plan.account_id, 'timeZone', plan.time_zone, 'wallTime', of_slot.wall_time,
             'storyboard', of_slot.storyboard, 'mode', of_slot.mode, 'caption', of_slot.caption,
             'privacy', of_slot.privacy, 'allowComment', of_slot.allow_comment, 'allowDuet', of_slot.allow_duet,
             'allowStitch', of_slot.allow_stitch, 'brandContent', of_slot.brand_content,
             'brandOrganic', of_slot.brand_organic)::text, 'UTF8')), 'hex')
      from plan where plan.id = of_slot.plan_id $$;

-- What is approved now, and what was when a job took it up: no edit could reach it since.
set local role reelpilot_runtime;
update slot set approved_hash = approval_hash(slot)
  from plan
 where plan.id = slot.plan_id and (plan.state = 'approved' or slot.claimed_at is not null);
reset role;
