-- Circuit breakers: the state of each breaker, shared by all processes.

create function breaker_states() returns text[] language sql immutable parallel safe return array[
  'closed', 'open', 'halfOpen.ready', 'halfOpen.probing', 'recovering', 'forcedOpen', 'forcedClosed'];

-- The last checkpoint of each circuit breaker. A breaker without a row is closed and has never failed.
create table circuit_breaker (
  -- What is called: `tiktok`, `tiktok-upload`, `video/<name>`, or `tiktok/<account id>` for faults of one account.
  key text primary key check (length(key) between 1 and 200),
  -- Null for an upstream, which all organizations share.
  organization_id uuid references organization,
  account_id uuid,
  version int not null check (version >= 1),
  state text not null constraint circuit_breaker_state check (state = any (breaker_states())),
  tag text not null check (tag in ('waiting', 'resting')),
  context jsonb not null,
  timers jsonb not null default '{}',
  -- How many retries the upstream may still get; null before the first retry.
  retry_budget jsonb check (retry_budget is null or account_id is null),
  -- Rises by one with every change; every writer names the revision that it read.
  revision bigint not null check (revision >= 1),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  check ((organization_id is null) = (account_id is null)),
  foreign key (organization_id, account_id) references account (organization_id, id)
);
create index circuit_breaker_organization on circuit_breaker (organization_id, key);
alter table circuit_breaker enable row level security;
alter table circuit_breaker force row level security;
-- Every organization may read an upstream's breaker. Only the operator's may change it.
create policy tenant_reads on circuit_breaker for select to reelpilot_api
  using (organization_id is null or organization_id = (select current_organization()));
create policy tenant_inserts on circuit_breaker for insert to reelpilot_api
  with check (organization_id = (select current_organization()));
create policy tenant_updates on circuit_breaker for update to reelpilot_api
  using (organization_id = (select current_organization())
         or organization_id is null and (select current_organization()) is not null and (select is_only_organization()))
  with check (organization_id = (select current_organization())
         or organization_id is null and (select current_organization()) is not null and (select is_only_organization()));
create policy runtime on circuit_breaker to reelpilot_runtime using (true) with check (true);
grant select, insert, update on circuit_breaker to reelpilot_api, reelpilot_runtime;
