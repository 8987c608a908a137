-- Machines that share a storage render each clip once, whichever of them is asked for it.

-- Who renders a clip, and where the result is. A machine that no longer renews its row has lost the clip to the next one that asks.
create table clip_render (
  organization_id uuid not null references organization,
  -- The hash of everything that the pixels of the clip depend on.
  clip_key text not null check (length(clip_key) between 1 and 128),
  machine text not null check (length(machine) between 1 and 300),
  renewed_at timestamptz not null default now(),
  -- The part that is rendered.
  progress real not null default 0 check (progress between 0 and 1),
  -- The stored clip; null before it is finished.
  sha256 text check (sha256 ~ '^[0-9a-f]{64}$'),
  bytes bigint check (bytes >= 0),
  primary key (organization_id, clip_key),
  check ((sha256 is null) = (bytes is null))
);
create index clip_render_renewed_at on clip_render (renewed_at);
alter table clip_render enable row level security;
alter table clip_render force row level security;
create policy tenant on clip_render to reelpilot_api using (organization_id = (select current_organization()));
create policy runtime on clip_render to reelpilot_runtime using (true) with check (true);
grant select, insert, update, delete on clip_render to reelpilot_runtime;
