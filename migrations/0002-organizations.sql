create table organization (
  id uuid primary key,
  name text not null check (length(name) between 1 and 200),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
alter table organization enable row level security;
alter table organization force row level security;
create policy tenant on organization to reelpilot_api using (id = (select current_organization()));
create policy runtime on organization to reelpilot_runtime using (true) with check (true);
grant select on organization to reelpilot_api;
grant select, insert, update on organization to reelpilot_runtime;

create table api_key (
  -- The public half of the key, found in it by anyone who holds it.
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
create index api_key_of_organization on api_key (organization_id, created_at);
alter table api_key enable row level security;
alter table api_key force row level security;
create policy tenant on api_key to reelpilot_api
  using (organization_id = (select current_organization()))
  with check (organization_id = (select current_organization()));
create policy runtime on api_key to reelpilot_runtime using (true) with check (true);
grant select, insert, update on api_key to reelpilot_api, reelpilot_runtime;

-- Whose key is this? Asked before any organization is known, so it looks past row-level security,
-- and answers nothing but what signing in needs.
create function find_api_key(key_id text)
  returns table (organization_id uuid, hash bytea, scopes text[])
  language sql stable security definer set search_path = reelpilot, pg_temp
  as $$ select k.organization_id, k.hash, k.scopes from api_key k where k.id = key_id and k.revoked_at is null $$;
grant create on schema reelpilot to reelpilot_runtime;
alter function find_api_key(text) owner to reelpilot_runtime;
revoke create on schema reelpilot from reelpilot_runtime;
revoke execute on function find_api_key(text) from public;
grant execute on function find_api_key(text) to reelpilot_api, reelpilot_runtime;
