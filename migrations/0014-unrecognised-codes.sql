-- Words of TikTok's that the table of verdicts does not know yet: they took the safest class, and are counted here.
create table unrecognised_code (
  organization_id uuid not null references organization,
  source text not null,
  code text not null,
  seen bigint not null default 1,
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
