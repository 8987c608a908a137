-- A slot posts one of two contents: a storyboard, from which its job makes the video, or a media of the library, which is posted as it is.
alter table slot
  alter column storyboard drop not null,
  add column media_id uuid,
  add foreign key (organization_id, media_id) references media (organization_id, id),
  add constraint slot_has_one_content check (num_nonnulls(storyboard, media_id) = 1),
  -- Who made a video is stated by whom it is known to. Null for a draft of an uploaded video: its creator says it in the app.
  alter column is_aigc drop not null,
  add constraint slot_states_aigc check (is_aigc is not null or (mode = 'draft' and media_id is not null));
-- The slots that use a media.
create index slot_media on slot (media_id) where media_id is not null;

-- What is posted is approved: of a media the very content, so that one that was converted since is approved again.
alter function approval_hash(slot) rename to approval_hash_v3;
create function approval_hash(of_slot slot) returns text
  language sql stable parallel safe
  as $$
    select 'v4:' || encode(sha256(convert_to(jsonb_build_object(
             'account', plan.account_id, 'timeZone', plan.time_zone, 'wallTime', of_slot.wall_time,
             'storyboard', of_slot.storyboard, 'media', of_slot.media_id,
             'sha256', (select media.sha256 from media where media.id = of_slot.media_id),
             'coverTimestampMs', of_slot.cover_timestamp_ms, 'mode', of_slot.mode, 'caption', of_slot.caption,
             'privacy', of_slot.privacy, 'allowComment', of_slot.allow_comment, 'allowDuet', of_slot.allow_duet,
             'allowStitch', of_slot.allow_stitch, 'brandContent', of_slot.brand_content,
             'brandOrganic', of_slot.brand_organic, 'isAigc', of_slot.is_aigc)::text, 'UTF8')), 'hex')
      from plan where plan.id = of_slot.plan_id $$;
set local role reelpilot_runtime;
update slot set approved_hash = approval_hash(slot)
 where approved_hash is not null and approved_hash = approval_hash_v3(slot);
reset role;
drop function approval_hash_v3(slot);
