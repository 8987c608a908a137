-- What TikTok told by webhook: at least once, in any order. The key makes a replay a second look at the same row.
create table webhook_delivery (
  key text not null primary key,
  event text not null,
  open_id text,
  publish_id text,
  -- What was said, parsed; free of secrets.
  news jsonb not null,
  signed_at timestamptz not null,
  received_at timestamptz not null default clock_timestamp(),
  -- Null until it was taken in; then what it did: moved a job or an account, or why it did not.
  handled_at timestamptz,
  outcome text
);
create index webhook_of_post on webhook_delivery (publish_id) where publish_id is not null;
create index webhook_unhandled on webhook_delivery (received_at) where handled_at is null;
-- One app serves all organizations, so a delivery is nobody's row: the runtime alone sees it.
alter table webhook_delivery enable row level security;
alter table webhook_delivery force row level security;
create policy runtime on webhook_delivery to reelpilot_runtime using (true) with check (true);
grant select, insert, update, delete on webhook_delivery to reelpilot_runtime;

-- TikTok names a post by its publish id.
create index job_of_post on job ((context->'post'->>'publishId')) where context->'post'->>'publishId' is not null;
create index account_of_creator on account (open_id) where open_id is not null;
