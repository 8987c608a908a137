-- Events: one gapless sequence per organization, appended and never changed.

-- The last event number of each organization. Taking a number locks the row until the commit, so numbers become visible in order
-- and without a gap. With a bigserial, readers would skip events that commit late.
create table event_head (
  organization_id uuid primary key references organization,
  sequence bigint not null default 0
);
alter table event_head enable row level security;
alter table event_head force row level security;
create policy tenant on event_head to reelpilot_api
  using (organization_id = (select current_organization()))
  with check (organization_id = (select current_organization()));
create policy runtime on event_head to reelpilot_runtime using (true) with check (true);
grant select, update on event_head to reelpilot_api;
grant select, insert, update on event_head to reelpilot_runtime;

create table event (
  organization_id uuid not null references organization,
  sequence bigint not null check (sequence >= 1),
  type text not null,
  -- The subject: each event has exactly one.
  plan_id uuid,
  slot_id uuid,
  account_id uuid,
  job_id uuid,
  -- The job's revision that this transition made.
  job_revision bigint check ((job_id is null) = (job_revision is null)),
  payload jsonb not null default '{}',
  at timestamptz not null default clock_timestamp(),
  primary key (organization_id, sequence)
);
-- One event per revision of a job. A second writer of the same revision fails here even if every other check is bypassed.
create unique index event_job_revision on event (job_id, job_revision) where job_id is not null;
create index event_plan on event (plan_id, sequence) where plan_id is not null;
alter table event enable row level security;
alter table event force row level security;
create policy tenant on event to reelpilot_api
  using (organization_id = (select current_organization()))
  with check (organization_id = (select current_organization()));
create policy runtime on event to reelpilot_runtime using (true) with check (true);
grant select, insert on event to reelpilot_api, reelpilot_runtime;
