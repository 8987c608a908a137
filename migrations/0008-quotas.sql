-- Quotas: limits by period, the balance of each period, and a ledger of every change. Amounts are summed, rows are never counted.

create table quota_limit (
  organization_id uuid not null references organization,
  metric text not null check (metric in ('videos', 'seconds', 'uploads', 'storageBytes', 'providerSpend')),
  period text not null check (period in ('total', 'day', 'month', 'rolling')),
  span_seconds int check (span_seconds > 0),
  amount bigint not null check (amount > 0),
  -- A soft limit refuses nothing; exceeding it is only reported.
  is_hard boolean not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (organization_id, metric, period),
  check ((period = 'rolling') = (span_seconds is not null)),
  -- Stored bytes are a level, which no day or month contains.
  check (metric <> 'storageBytes' or period = 'total')
);
alter table quota_limit enable row level security;
alter table quota_limit force row level security;
create policy tenant on quota_limit to reelpilot_api
  using (organization_id = (select current_organization()))
  with check (organization_id = (select current_organization()));
create policy runtime on quota_limit to reelpilot_runtime using (true) with check (true);
grant select, insert, update, delete on quota_limit to reelpilot_api, reelpilot_runtime;

-- A balance: one instance of a period (this day, this month, all time, the sliding window), or one grant with a beginning and an
-- end. A balance whose time is over takes no new reservations; what was reserved in it is settled in it.
create table quota (
  id uuid primary key default gen_random_uuid(),
  organization_id uuid not null references organization,
  metric text not null check (metric in ('videos', 'seconds', 'uploads', 'storageBytes', 'providerSpend')),
  period text not null check (period in ('total', 'day', 'month', 'rolling')),
  starts_at timestamptz,
  ends_at timestamptz,
  is_grant boolean not null default false,
  is_hard boolean not null default true,
  allowance bigint not null default 0 check (allowance >= 0),
  reserved bigint not null default 0 check (reserved >= 0),
  used bigint not null default 0 check (used >= 0),
  -- The conservation law: granted = available + reserved + used. What exceeds the allowance of a soft limit, or of no limit, counts
  -- as granted.
  granted bigint generated always as (greatest(allowance, reserved + used)) stored,
  available bigint generated always as (greatest(allowance - reserved - used, 0)) stored,
  -- The highest threshold, in percent of the allowance, that was reported for this balance, and when.
  notified_threshold int not null default 0,
  notified_at timestamptz,
  -- For a sliding window: what was counted at this instant or before has left the window.
  window_start timestamptz,
  updated_at timestamptz not null default now(),
  unique (organization_id, metric, period, id),
  check (starts_at < ends_at),
  -- A hard limit is never exceeded. Bytes and money are known only after they are spent: there a hard limit stops new work, and what
  -- was spent is counted even beyond it.
  check (not is_hard or reserved + used <= allowance or metric in ('storageBytes', 'providerSpend'))
);
create unique index quota_period on quota (organization_id, metric, period, coalesce(starts_at, '-infinity'))
  where not is_grant;
alter table quota enable row level security;
alter table quota force row level security;
create policy tenant on quota to reelpilot_api
  using (organization_id = (select current_organization()))
  with check (organization_id = (select current_organization()));
create policy runtime on quota to reelpilot_runtime using (true) with check (true);
grant select, insert, update on quota to reelpilot_api, reelpilot_runtime;

-- The ledger: every change of a balance, once. A repeated reserve, commit or release finds its entry here.
create table quota_entry (
  id uuid primary key default gen_random_uuid(),
  organization_id uuid not null,
  metric text not null,
  period text not null,
  quota_id uuid not null,
  kind text not null check (kind in ('grant', 'limit', 'adjust', 'reserve', 'commit', 'release', 'use')),
  amount bigint not null,
  -- What is left after this entry; negative where a soft limit was exceeded.
  balance bigint not null,
  job_id uuid,
  -- The reservation that this entry commits or releases.
  reservation_id uuid references quota_entry (id),
  -- Makes usage without a reservation count once, however often it is reported.
  key text,
  reason text,
  -- The instant for which it counts. A commit and a release count for the instant of their reservation.
  counted_at timestamptz not null,
  created_at timestamptz not null default clock_timestamp(),
  foreign key (organization_id, metric, period, quota_id) references quota (organization_id, metric, period, id),
  -- A reservation is made before its job, in the same transaction: without enough balance there is no job.
  foreign key (organization_id, job_id) references machine_instance (organization_id, id) deferrable initially deferred,
  check (amount > 0 or (kind in ('limit', 'adjust') and amount < 0)),
  check (kind not in ('reserve', 'commit', 'release') or job_id is not null),
  check ((kind in ('commit', 'release')) = (reservation_id is not null))
);
create unique index quota_entry_reserved_once on quota_entry (job_id, quota_id) where kind = 'reserve';
create unique index quota_entry_settled_once on quota_entry (reservation_id) where reservation_id is not null;
create unique index quota_entry_used_once on quota_entry (organization_id, key, quota_id) where key is not null;
create index quota_entry_statement on quota_entry (organization_id, metric, period, created_at, id);
create index quota_entry_balance on quota_entry (quota_id, counted_at);
alter table quota_entry enable row level security;
alter table quota_entry force row level security;
create policy tenant on quota_entry to reelpilot_api
  using (organization_id = (select current_organization()))
  with check (organization_id = (select current_organization()));
create policy runtime on quota_entry to reelpilot_runtime using (true) with check (true);
grant select, insert on quota_entry to reelpilot_api, reelpilot_runtime;
