create table account (
  id uuid not null,
  organization_id uuid not null references organization,
  -- TikTok's id of the creator, for this app.
  open_id text not null,
  username text not null,
  display_name text not null,
  state text not null check (state in ('connected', 'needs_reauthorization', 'disconnected')),
  scopes text[] not null,
  -- Tokens are sealed before they come here: a dump of this database holds none.
  access_token_sealed text,
  refresh_token_sealed text,
  access_expires_at timestamptz,
  refresh_expires_at timestamptz,
  -- Rises with every refresh; a writer that lost the race is refused by it.
  token_version int not null default 1,
  refresh_lease_until timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (id),
  unique (organization_id, id),
  unique (organization_id, open_id)
);
alter table account enable row level security;
alter table account force row level security;
create policy tenant on account to reelpilot_api
  using (organization_id = (select current_organization()))
  with check (organization_id = (select current_organization()));
create policy runtime on account to reelpilot_runtime using (true) with check (true);
-- The API shows accounts; their tokens are out of its reach.
grant select (id, organization_id, open_id, username, display_name, state, scopes, access_expires_at,
              refresh_expires_at, created_at, updated_at) on account to reelpilot_api;
grant select, insert, update on account to reelpilot_runtime;
