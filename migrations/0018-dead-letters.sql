-- What the queue has given up on: the machines that no worker got through with, whether or not they could be told.
create table dead_letter (
  id uuid primary key default gen_random_uuid(),
  organization_id uuid not null references organization,
  -- A job's or an account's: both are machines.
  job_id uuid not null,
  -- The revision at which the machine rests because of it. Once that has moved on, by whatever, the letter is history.
  job_revision bigint not null check (job_revision >= 1),
  -- The state in which nobody got through with it.
  state text not null,
  code text not null check (code in ('UNKNOWN_CHECKPOINT', 'WORKER_ERROR', 'WORKER_DIED')),
  message text not null,
  -- How often the queue has tried.
  tries int not null check (tries >= 1),
  created_at timestamptz not null default clock_timestamp(),
  -- When it was sent on its way again, why, and by which API key: null if the operator did it.
  redriven_at timestamptz,
  redrive_reason text check ((redriven_at is null) = (redrive_reason is null)),
  redriven_by text check (redriven_by is null or redriven_at is not null),
  foreign key (organization_id, job_id) references job (organization_id, id)
);
-- One at a time. The sweep asks for it too: what lies here is left alone.
create unique index dead_letter_open on dead_letter (job_id, job_revision) where redriven_at is null;
create index dead_letter_of_organization on dead_letter (organization_id, created_at, id);
alter table dead_letter enable row level security;
alter table dead_letter force row level security;
create policy tenant on dead_letter to reelpilot_api
  using (organization_id = (select current_organization()))
  with check (organization_id = (select current_organization()));
create policy runtime on dead_letter to reelpilot_runtime using (true) with check (true);
grant select, update (redriven_at, redrive_reason, redriven_by) on dead_letter to reelpilot_api;
grant select, insert, update on dead_letter to reelpilot_runtime;
