-- Plans: calendars of slots, each slot one post.

-- Refuses to change a row that has reached the end of its life. Triggers say which change of which table that is.
create function refuse_leaving_final_state() returns trigger language plpgsql as $$
begin
  raise exception '% % is final: it cannot go from "%" to "%"', tg_table_name, old.id, old.state, new.state
    using errcode = 'check_violation', constraint = tg_name, table = tg_table_name, schema = tg_table_schema;
end $$;

create table plan (
  id uuid not null,
  organization_id uuid not null references organization,
  account_id uuid not null,
  name text not null check (length(name) between 1 and 200),
  -- An IANA name. The code checks it against the zones it knows.
  time_zone text not null,
  state text not null check (state in ('draft', 'inReview', 'approved', 'archived')),
  revision bigint not null check (revision >= 1),
  autopilot boolean not null default false,
  locked boolean not null default false,
  approved_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (id),
  unique (organization_id, id),
  foreign key (organization_id, account_id) references account (organization_id, id)
);
create index plan_organization on plan (organization_id, created_at, id);
create trigger plan_stays_archived before update on plan for each row
  when (old.state = 'archived'
        and (new.state, new.autopilot, new.locked) is distinct from (old.state, old.autopilot, old.locked))
  execute function refuse_leaving_final_state();
alter table plan enable row level security;
alter table plan force row level security;
create policy tenant on plan to reelpilot_api
  using (organization_id = (select current_organization()))
  with check (organization_id = (select current_organization()));
create policy runtime on plan to reelpilot_runtime using (true) with check (true);
grant select, insert, update on plan to reelpilot_api, reelpilot_runtime;

create table slot (
  id uuid not null,
  organization_id uuid not null references organization,
  plan_id uuid not null,
  -- The wall time in the plan's zone as a person entered it, and the instant that it means.
  wall_time text not null,
  publish_at timestamptz not null,
  -- Version of the time zone data that the instant was computed with; '' if unknown. Governments change their clocks: under newer
  -- data the same wall time may be another instant.
  tzdata_version text collate "C" not null default '',
  storyboard jsonb not null,
  -- `direct` posts the video. `draft` puts it into the creator's inbox, where they write the caption and choose the rest.
  mode text not null default 'direct' check (mode in ('direct', 'draft')),
  caption text not null,
  privacy text check (privacy in ('PUBLIC_TO_EVERYONE', 'MUTUAL_FOLLOW_FRIENDS', 'FOLLOWER_OF_CREATOR', 'SELF_ONLY')),
  allow_comment boolean not null default false,
  allow_duet boolean not null default false,
  allow_stitch boolean not null default false,
  brand_content boolean not null default false,
  brand_organic boolean not null default false,
  -- Labels the post as made by AI.
  is_aigc boolean not null default true,
  -- `approval_hash` of the slot at its approval; null if it was never approved in this form.
  approved_hash text,
  -- Set in the transaction that creates its job. The job says what became of it.
  claimed_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (id),
  unique (organization_id, id),
  foreign key (organization_id, plan_id) references plan (organization_id, id),
  -- A post has a privacy that a person chose; there is no default.
  check ((mode = 'direct') = (privacy is not null)),
  check (mode = 'direct' or (caption = '' and not allow_comment and not allow_duet and not allow_stitch
                             and not brand_content and not brand_organic))
);
create index slot_plan on slot (plan_id, publish_at, id);
-- The scan reads only what can still fall due: at a million slots a scan with nothing due takes 0.3 ms.
create index slot_unclaimed on slot (publish_at) where claimed_at is null;
-- Every hour workers look for coming slots that were computed with older time zone data.
create index slot_tzdata_version on slot (publish_at, tzdata_version);
alter table slot enable row level security;
alter table slot force row level security;
create policy tenant on slot to reelpilot_api
  using (organization_id = (select current_organization()))
  with check (organization_id = (select current_organization()));
create policy runtime on slot to reelpilot_runtime using (true) with check (true);
grant select, insert, update, delete on slot to reelpilot_api;
grant select, insert, update on slot to reelpilot_runtime;

-- A hash over everything that will be posted of a slot, so that a change that bypassed the API is noticed before anything is posted.
-- Whatever else is ever posted of a slot must be added here under the next version's prefix, in a migration that also rehashes the
-- slots whose approval was current. It covers the wall time and its zone, not the instant, which new time zone data may move.
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
