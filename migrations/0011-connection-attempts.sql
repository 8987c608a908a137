-- One way to TikTok's authorize page and back. The way back proves itself by the state that only the browser knows;
-- here is its hash. The PKCE verifier is sealed.
create table connection_attempt (
  id uuid not null,
  organization_id uuid not null references organization,
  account_id uuid not null,
  state_hash bytea not null unique,
  verifier_sealed text not null,
  redirect_uri text not null,
  scopes text[] not null,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null,
  -- A way back works once.
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
