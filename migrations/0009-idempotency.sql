-- The first answer of every mutation that named a key, so that a retry gets it again instead of a second effect.
create table idempotency_key (
  organization_id uuid not null references organization,
  key text not null check (length(key) between 1 and 255),
  -- SHA-256 of the operation and its input: the same key for other work is a mistake of the client's.
  fingerprint bytea not null,
  -- Null while the first execution is under way, which other transactions see only as a lock.
  answer jsonb,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null,
  primary key (organization_id, key)
);
create index idempotency_key_expiry on idempotency_key (expires_at);
alter table idempotency_key enable row level security;
alter table idempotency_key force row level security;
create policy tenant on idempotency_key to reelpilot_api
  using (organization_id = (select current_organization()))
  with check (organization_id = (select current_organization()));
create policy runtime on idempotency_key to reelpilot_runtime using (true) with check (true);
grant select, insert, update, delete on idempotency_key to reelpilot_api, reelpilot_runtime;
