-- Webhooks: what TikTok delivered, and response codes that are not classified yet.

-- TikTok delivers at least once and in any order. The key identifies a replay as the same row.
create table webhook_delivery (
  key text not null primary key,
  event text not null,
  open_id text,
  publish_id text,
  -- The parsed content, without secrets.
  payload jsonb not null,
  signed_at timestamptz not null,
  received_at timestamptz not null default clock_timestamp(),
  -- Null until it was processed; `outcome` then says which transition it caused, or why it caused none.
  handled_at timestamptz,
  outcome text,
  -- Since when it cannot be processed, and why. Null again once it is queued anew.
  failed_at timestamptz check (failed_at is null or handled_at is null),
  failure text check ((failed_at is null) = (failure is null))
);
create index webhook_delivery_publish_id on webhook_delivery (publish_id) where publish_id is not null;
create index webhook_delivery_unhandled on webhook_delivery (received_at) where handled_at is null;
create index webhook_delivery_failed on webhook_delivery (received_at) where failed_at is not null;
-- One app serves all organizations, so a delivery belongs to none: only the runtime sees it.
alter table webhook_delivery enable row level security;
alter table webhook_delivery force row level security;
create policy runtime on webhook_delivery to reelpilot_runtime using (true) with check (true);
grant select, insert, update, delete on webhook_delivery to reelpilot_runtime;

-- TikTok's codes that the verdict table does not contain. They are handled as the safest class and counted here.
create table unrecognised_code (
  organization_id uuid not null references organization,
  source text not null,
  code text not null,
  occurrences bigint not null default 1,
  last_log_id text,
  first_seen_at timestamptz not null default now(),
  last_seen_at timestamptz not null default now(),
  primary key (organization_id, source, code)
);
alter table unrecognised_code enable row level security;
alter table unrecognised_code force row level security;
create policy tenant on unrecognised_code to reelpilot_api using (organization_id = (select current_organization()));
create policy runtime on unrecognised_code to reelpilot_runtime using (true) with check (true);
grant select on unrecognised_code to reelpilot_api;
grant select, insert, update on unrecognised_code to reelpilot_runtime;
