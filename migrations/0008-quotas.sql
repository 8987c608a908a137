-- How much of a metric an organization may use, and where it went. Sums of amounts, never counts of rows.
create table quota (
  organization_id uuid not null references organization,
  metric text not null check (metric in ('videos', 'seconds')),
  granted bigint not null default 0 check (granted >= 0),
  reserved bigint not null default 0 check (reserved >= 0),
  used bigint not null default 0 check (used >= 0),
  available bigint generated always as (granted - reserved - used) stored,
  updated_at timestamptz not null default now(),
  primary key (organization_id, metric),
  -- The conservation law: nothing is reserved or used that was not granted.
  check (reserved + used <= granted)
);
-- Every change of the row above, once: a repeated reserve, commit or release finds its entry here.
create table quota_entry (
  organization_id uuid not null,
  metric text not null,
  kind text not null check (kind in ('grant', 'reserve', 'commit', 'release')),
  amount bigint not null check (amount > 0),
  job_id uuid check ((kind = 'grant') = (job_id is null)),
  reason text,
  created_at timestamptz not null default now(),
  foreign key (organization_id, metric) references quota (organization_id, metric),
  foreign key (organization_id, job_id) references job (organization_id, id)
);
create unique index quota_reserved_once on quota_entry (job_id, metric) where kind = 'reserve';
create unique index quota_settled_once on quota_entry (job_id, metric) where kind in ('commit', 'release');
create index quota_entry_of_organization on quota_entry (organization_id, created_at);
alter table quota enable row level security;
alter table quota force row level security;
alter table quota_entry enable row level security;
alter table quota_entry force row level security;
create policy tenant on quota to reelpilot_api
  using (organization_id = (select current_organization()))
  with check (organization_id = (select current_organization()));
create policy runtime on quota to reelpilot_runtime using (true) with check (true);
create policy tenant on quota_entry to reelpilot_api
  using (organization_id = (select current_organization()))
  with check (organization_id = (select current_organization()));
create policy runtime on quota_entry to reelpilot_runtime using (true) with check (true);
grant select, insert, update on quota to reelpilot_api, reelpilot_runtime;
grant select, insert on quota_entry to reelpilot_api, reelpilot_runtime;
