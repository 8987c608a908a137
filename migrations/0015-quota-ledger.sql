-- Quotas by period: what an organization may use a day, a month, within any stretch of time, or altogether; grants that begin
-- and end; and a ledger whose every entry says what it was for. What there was before becomes the period 'total'.

-- Whose midnight a day and a month begin at. An IANA name, checked by the code against the zones that it knows.
alter table organization add column time_zone text not null default 'UTC' check (length(time_zone) between 1 and 64);
grant update (time_zone, updated_at) on organization to reelpilot_api;

create table quota_limit (
  organization_id uuid not null references organization,
  metric text not null check (metric in ('videos', 'seconds', 'uploads', 'storageBytes', 'providerSpend')),
  period text not null check (period in ('total', 'day', 'month', 'rolling')),
  span_seconds int check (span_seconds > 0),
  amount bigint not null check (amount > 0),
  -- A soft limit lets everything pass, and says so.
  is_hard boolean not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (organization_id, metric, period),
  check ((period = 'rolling') = (span_seconds is not null)),
  -- What is kept now is a level, which no day and no month can hold.
  check (metric <> 'storageBytes' or period = 'total')
);
alter table quota_limit enable row level security;
alter table quota_limit force row level security;
create policy tenant on quota_limit to reelpilot_api
  using (organization_id = (select current_organization()))
  with check (organization_id = (select current_organization()));
create policy runtime on quota_limit to reelpilot_runtime using (true) with check (true);
grant select, insert, update, delete on quota_limit to reelpilot_api, reelpilot_runtime;

-- A row of `quota` is a pot: one instance of a period (this day, this month, all time, the sliding window), or one grant that
-- begins and ends. A pot that is over is left as it is: what was reserved in it is settled in it, and nothing is drawn from it.
alter table quota rename column granted to allowance;
alter table quota
  drop constraint quota_pkey cascade,
  drop constraint quota_check,
  drop constraint quota_metric_check,
  drop column available,
  add column id uuid primary key default gen_random_uuid(),
  add column period text not null default 'total' check (period in ('total', 'day', 'month', 'rolling')),
  add column starts_at timestamptz,
  add column ends_at timestamptz,
  add column is_grant boolean not null default false,
  add column is_hard boolean not null default true,
  -- The highest share of the allowance, in percent, that was told of in this pot's time, and when.
  add column told_percent int not null default 0,
  add column told_at timestamptz,
  -- Of a sliding window: what was counted at this moment or before has left it.
  add column window_from timestamptz,
  add check (metric in ('videos', 'seconds', 'uploads', 'storageBytes', 'providerSpend')),
  add check (starts_at < ends_at);
alter table quota alter column period drop default;
-- The conservation law: granted = available + reserved + used. What a soft limit, or none, lets pass beyond the allowance is
-- granted by that very fact; a hard one lets nothing pass. Bytes and money are known only once they are spent: there a hard
-- limit keeps new work from beginning, and what was spent is counted wherever it leads.
alter table quota
  add column granted bigint generated always as (greatest(allowance, reserved + used)) stored,
  add column available bigint generated always as (greatest(allowance - reserved - used, 0)) stored,
  add check (not is_hard or reserved + used <= allowance or metric in ('storageBytes', 'providerSpend'));
create unique index quota_of_period on quota (organization_id, metric, period, coalesce(starts_at, '-infinity'))
  where not is_grant;
alter table quota add unique (organization_id, metric, period, id);

alter table quota_entry
  add column id uuid primary key default gen_random_uuid(),
  add column period text,
  add column quota_id uuid,
  -- What was left in the pot after this entry; below nothing where a soft limit let more pass.
  add column balance bigint,
  -- The reservation that is committed or released here.
  add column settles uuid,
  -- Makes what is used without a reservation count once, however often it is told.
  add column key text,
  -- When it counts: of a commit and a release, when the reservation was made.
  add column counted_at timestamptz;
alter table quota_entry alter column created_at set default clock_timestamp();
grant update on quota_entry to reelpilot_runtime;

set local role reelpilot_runtime;
with effect as (
  select entry.id, quota.id as quota_id, reserved.id as settles, coalesce(reserved.created_at, entry.created_at) as counted_at,
         sum(case entry.kind when 'commit' then 0 when 'reserve' then -entry.amount else entry.amount end)
           over (partition by quota.id order by entry.created_at, entry.ctid) as balance
    from quota_entry entry
    join quota using (organization_id, metric)
    left join quota_entry reserved on entry.kind in ('commit', 'release') and reserved.kind = 'reserve'
      and reserved.job_id = entry.job_id and reserved.metric = entry.metric
)
update quota_entry entry
   set period = 'total', quota_id = effect.quota_id, settles = effect.settles, counted_at = effect.counted_at,
       balance = effect.balance
  from effect where entry.id = effect.id;
-- What is kept already counts from the first day.
insert into quota (organization_id, metric, period, allowance, used, is_hard)
select organization_id, 'storageBytes', 'total', 0, sum(bytes), false from media group by organization_id;
reset role;

drop index quota_reserved_once, quota_settled_once, quota_entry_of_organization;
revoke update on quota_entry from reelpilot_runtime;
alter table quota_entry
  alter column period set not null,
  alter column quota_id set not null,
  alter column balance set not null,
  alter column counted_at set not null,
  drop constraint quota_entry_kind_check,
  drop constraint quota_entry_amount_check,
  drop constraint quota_entry_check,
  drop constraint quota_entry_organization_id_job_id_fkey,
  add check (kind in ('grant', 'limit', 'adjust', 'reserve', 'commit', 'release', 'use')),
  add check (amount > 0 or (kind in ('limit', 'adjust') and amount < 0)),
  add check (kind not in ('reserve', 'commit', 'release') or job_id is not null),
  add check ((kind in ('commit', 'release')) = (settles is not null)),
  add foreign key (organization_id, metric, period, quota_id) references quota (organization_id, metric, period, id),
  add foreign key (settles) references quota_entry (id),
  -- A reservation is made before its job, in the same transaction: without room for it there is no job.
  add foreign key (organization_id, job_id) references job (organization_id, id) deferrable initially deferred;
create unique index quota_reserved_once on quota_entry (job_id, quota_id) where kind = 'reserve';
create unique index quota_settled_once on quota_entry (settles) where settles is not null;
create unique index quota_used_once on quota_entry (organization_id, key, quota_id) where key is not null;
create index quota_entry_of_statement on quota_entry (organization_id, metric, period, created_at, id);
create index quota_entry_of_pot on quota_entry (quota_id, counted_at);

set local role reelpilot_runtime;
insert into quota_entry (organization_id, metric, period, quota_id, kind, amount, balance, reason, counted_at)
select organization_id, metric, period, id, 'use', used, -used, 'kept before it was counted', now()
  from quota where metric = 'storageBytes';
reset role;

-- A scan says which slots the quota was short for, and by how much.
alter table scan
  drop constraint scan_reason_check,
  add check (reason in ('hourly', 'boot', 'approval', 'request', 'quota'));
alter table scan_decision
  drop constraint scan_decision_decision_check,
  add check (decision in ('ENQUEUED', 'NOT_APPROVED', 'AUTOPILOT_OFF', 'PLAN_LOCKED', 'TOO_LATE', 'ACCOUNT_UNHEALTHY',
                          'QUOTA_SHORT')),
  add column shortage jsonb,
  add check ((decision = 'QUOTA_SHORT') = (shortage is not null));
