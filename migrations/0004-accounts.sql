-- Accounts: TikTok creators, their encrypted tokens, and authorizations that are under way.

-- An account is an instance of the account machine; its checkpoint is in `machine_instance` under the account's id. This table holds what
-- TikTok reports about the creator, and the tokens.
create table account (
  id uuid not null,
  organization_id uuid not null references organization,
  -- TikTok's id of the creator, for this app. The three are null until the creator has authorized the app.
  open_id text,
  username text,
  display_name text,
  scopes text[] not null,
  -- Tokens are encrypted before they are stored: a dump of the database contains none in plain text.
  access_token_sealed text,
  refresh_token_sealed text,
  access_expires_at timestamptz,
  refresh_expires_at timestamptz,
  -- Lifetime of this grant's access tokens. It bounds how much remaining time can be required of one.
  access_lifetime_seconds int,
  -- Rises with every refresh; a writer that lost the race is refused by it.
  token_version int not null default 1,
  -- A refresh token works once. It is marked as presented before it is sent, so no version is presented twice.
  presented_version int not null default 0,
  presented_at timestamptz,
  -- What the creator allows, as TikTok reported it last, and when.
  creator jsonb,
  creator_fetched_at timestamptz,
  -- When the account's last post was opened, and by which job. Late posts keep a distance to it. Only steps use the two, as the
  -- runtime; the API's role has no grant on them.
  last_post_at timestamptz,
  last_post_job uuid,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (id),
  unique (organization_id, id),
  unique (organization_id, open_id),
  check ((open_id is null) = (username is null) and (username is null) = (display_name is null)),
  check (presented_version <= token_version)
);
-- A webhook names the creator only.
create index account_open_id on account (open_id) where open_id is not null;
alter table account enable row level security;
alter table account force row level security;
create policy tenant on account to reelpilot_api
  using (organization_id = (select current_organization()))
  with check (organization_id = (select current_organization()));
create policy runtime on account to reelpilot_runtime using (true) with check (true);
-- The API reads accounts and starts connecting them; it cannot read tokens.
grant select (id, organization_id, open_id, username, display_name, scopes, token_version, access_expires_at,
              refresh_expires_at, creator, creator_fetched_at, created_at, updated_at),
      insert (id, organization_id, scopes) on account to reelpilot_api;
grant select, insert, update on account to reelpilot_runtime;

-- One visit to TikTok's authorize page. The callback proves itself by the `state` that only the browser has; this is its hash.
create table connection_attempt (
  id uuid not null,
  organization_id uuid not null references organization,
  account_id uuid not null,
  state_hash bytea not null unique,
  -- The PKCE verifier, encrypted.
  verifier_sealed text not null,
  redirect_uri text not null,
  scopes text[] not null,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null,
  -- A callback is accepted once.
  used_at timestamptz,
  primary key (id),
  foreign key (organization_id, account_id) references account (organization_id, id)
);
alter table connection_attempt enable row level security;
alter table connection_attempt force row level security;
create policy tenant on connection_attempt to reelpilot_api
  using (organization_id = (select current_organization()))
  with check (organization_id = (select current_organization()));
create policy runtime on connection_attempt to reelpilot_runtime using (true) with check (true);
grant insert on connection_attempt to reelpilot_api;
grant select, insert, update, delete on connection_attempt to reelpilot_runtime;
