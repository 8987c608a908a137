-- Tenants: organizations, their API keys, and the responses stored under idempotency keys.

create table organization (
  id uuid primary key,
  name text not null check (length(name) between 1 and 200),
  -- The IANA zone whose midnight begins a day and a month of a quota. The code checks it against the zones it knows.
  time_zone text not null default 'UTC' check (length(time_zone) between 1 and 64),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
alter table organization enable row level security;
alter table organization force row level security;
create policy tenant on organization to reelpilot_api using (id = (select current_organization()));
create policy runtime on organization to reelpilot_runtime using (true) with check (true);
grant select, update (time_zone, updated_at) on organization to reelpilot_api;
grant select, insert, update on organization to reelpilot_runtime;

-- True if the installation has one organization. It then belongs to the operator and may control what all tenants share.
-- Security definer: it bypasses row-level security and returns only yes or no.
create function is_only_organization() returns boolean
  language sql stable security definer set search_path = reelpilot, pg_temp
  as $$ select count(*) = 1 from (select from organization limit 2) as organizations $$;

create table api_key (
  -- The public part of the key, contained in the key itself.
  id text primary key,
  organization_id uuid not null references organization,
  name text not null check (length(name) between 1 and 200),
  -- SHA-256 of the whole key: 256 random bits need no slow hash.
  hash bytea not null check (length(hash) = 32),
  scopes text[] not null check (scopes <@ array['read', 'write', 'admin'] and cardinality(scopes) > 0),
  created_at timestamptz not null default now(),
  last_used_at timestamptz,
  revoked_at timestamptz
);
create index api_key_organization on api_key (organization_id, created_at);
alter table api_key enable row level security;
alter table api_key force row level security;
create policy tenant on api_key to reelpilot_api
  using (organization_id = (select current_organization()))
  with check (organization_id = (select current_organization()));
create policy runtime on api_key to reelpilot_runtime using (true) with check (true);
grant select, insert, update on api_key to reelpilot_api, reelpilot_runtime;

-- Finds the organization of an API key before the request has one. Security definer: it bypasses row-level security and returns
-- only what authentication needs.
create function find_api_key(key_id text)
  returns table (organization_id uuid, hash bytea, scopes text[])
  language sql stable security definer set search_path = reelpilot, pg_temp
  as $$ select k.organization_id, k.hash, k.scopes from api_key k where k.id = key_id and k.revoked_at is null $$;

-- Both functions run as the runtime's role. Its right to create lasts only as long as the change of owner needs it.
grant create on schema reelpilot to reelpilot_runtime;
alter function is_only_organization() owner to reelpilot_runtime;
alter function find_api_key(text) owner to reelpilot_runtime;
revoke create on schema reelpilot from reelpilot_runtime;
revoke execute on function is_only_organization() from public;
revoke execute on function find_api_key(text) from public;
grant execute on function is_only_organization() to reelpilot_api, reelpilot_runtime;
grant execute on function find_api_key(text) to reelpilot_api, reelpilot_runtime;

-- The first response to each mutation that sent an idempotency key. A retry gets it again instead of a second effect.
create table idempotency_key (
  organization_id uuid not null references organization,
  key text not null check (length(key) between 1 and 255),
  -- SHA-256 of the operation and its input. The same key with other input is a client error.
  fingerprint bytea not null,
  -- The command's result, without secrets. Null while the first execution runs; other transactions see that only as a lock.
  result jsonb,
  -- The response exactly as it was sent: the JSON of the mutation's field. Null if it holds a secret; `result` is then rendered anew.
  response text,
  -- SHA-256 of that request's document and variables. Another selection of fields gets `result` rendered anew.
  request_hash bytea,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null,
  primary key (organization_id, key),
  check ((response is null) = (request_hash is null))
);
create index idempotency_key_expiry on idempotency_key (expires_at);
alter table idempotency_key enable row level security;
alter table idempotency_key force row level security;
create policy tenant on idempotency_key to reelpilot_api
  using (organization_id = (select current_organization()))
  with check (organization_id = (select current_organization()));
create policy runtime on idempotency_key to reelpilot_runtime using (true) with check (true);
grant select, insert, update, delete on idempotency_key to reelpilot_api, reelpilot_runtime;

-- Claims a key for the current transaction and returns no row, or returns the row of its first use. Waits for a transaction that
-- holds the key, at most two seconds; the timeout applies only inside this function, not to locks taken later.
create function claim_idempotency_key(of_organization uuid, wanted text, of_input bytea, minutes int)
  returns setof idempotency_key
  language plpgsql set lock_timeout = '2s' as $$
begin
  insert into idempotency_key as claimed (organization_id, key, fingerprint, expires_at)
  values (of_organization, wanted, of_input, now() + make_interval(mins => minutes))
  on conflict (organization_id, key) do update
     set fingerprint = excluded.fingerprint, result = null, response = null, request_hash = null,
         created_at = now(), expires_at = excluded.expires_at
   where claimed.expires_at < now();
  if not found then
    return query select * from idempotency_key where organization_id = of_organization and key = wanted;
  end if;
end $$;
