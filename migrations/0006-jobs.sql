-- A running instance of a machine: its last checkpoint, when it must be looked at again, and who may move it.
create table job (
  id uuid not null,
  organization_id uuid not null references organization,
  -- What the job is for; null for machines that serve no slot.
  slot_id uuid,
  account_id uuid,
  machine text not null,
  version int not null check (version >= 1),
  state text not null,
  tag text not null check (tag in ('working', 'waiting', 'resting', 'final')),
  context jsonb not null,
  step jsonb,
  timers jsonb not null default '{}',
  -- Rises by one with every transition; every writer names the revision that it read.
  revision bigint not null check (revision >= 1),
  wake_at timestamptz,
  -- How many workers have taken this revision up; a step that kills its worker is found by it.
  tries int not null default 0,
  -- Rises whenever a worker takes the job; a commit under an older epoch is refused.
  lease_epoch bigint not null default 0,
  lease_owner text,
  lease_until timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (id),
  unique (organization_id, id),
  foreign key (organization_id, slot_id) references slot (organization_id, id),
  foreign key (organization_id, account_id) references account (organization_id, id),
  -- A working job has a step to perform, and only a working one.
  check ((tag = 'working') = (step is not null)),
  -- Nothing that must move by itself may be without a time to wake it.
  check ((tag in ('working', 'waiting')) = (wake_at is not null)),
  check ((lease_owner is null) = (lease_until is null))
);
-- One job per slot, however many scanners run. This row is the guard; queue ids are only the second.
create unique index job_of_slot on job (slot_id) where slot_id is not null;
create index job_of_organization on job (organization_id, created_at, id);
create index job_unfinished on job (wake_at) where wake_at is not null;
alter table job enable row level security;
alter table job force row level security;
create policy tenant on job to reelpilot_api
  using (organization_id = (select current_organization()))
  with check (organization_id = (select current_organization()));
create policy runtime on job to reelpilot_runtime using (true) with check (true);
grant select, insert, update on job to reelpilot_api, reelpilot_runtime;

-- A rendered video, kept in storage under its content's hash.
create table media (
  organization_id uuid not null references organization,
  sha256 text not null check (sha256 ~ '^[0-9a-f]{64}$'),
  bytes bigint not null check (bytes > 0),
  seconds double precision not null,
  width int not null,
  height int not null,
  content_type text not null,
  created_at timestamptz not null default now(),
  primary key (organization_id, sha256)
);
alter table media enable row level security;
alter table media force row level security;
create policy tenant on media to reelpilot_api using (organization_id = (select current_organization()));
create policy runtime on media to reelpilot_runtime using (true) with check (true);
grant select on media to reelpilot_api;
grant select, insert on media to reelpilot_runtime;
