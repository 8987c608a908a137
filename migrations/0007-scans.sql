-- Scans: searches for slots that fall due, and the decision about each slot.

create table scan (
  id uuid primary key,
  organization_id uuid not null references organization,
  reason text not null,
  window_end timestamptz not null,
  considered int not null,
  started_jobs int not null,
  created_at timestamptz not null default now(),
  unique (organization_id, id),
  -- `quota` and `account` scan again for slots that were skipped because of them.
  constraint scan_reason_check check (reason in ('hourly', 'boot', 'approval', 'request', 'quota', 'account'))
);
create index scan_organization on scan (organization_id, created_at, id);
alter table scan enable row level security;
alter table scan force row level security;
create policy tenant on scan to reelpilot_api
  using (organization_id = (select current_organization()))
  with check (organization_id = (select current_organization()));
create policy runtime on scan to reelpilot_runtime using (true) with check (true);
grant select, insert on scan to reelpilot_api, reelpilot_runtime;

create table scan_decision (
  organization_id uuid not null references organization,
  scan_id uuid not null,
  slot_id uuid not null,
  decision text not null check (decision in ('ENQUEUED', 'NOT_APPROVED', 'AUTOPILOT_OFF', 'PLAN_LOCKED', 'TOO_LATE',
                                             'ACCOUNT_UNHEALTHY', 'QUOTA_EXCEEDED')),
  -- Which quota was short, and by how much.
  shortage jsonb,
  created_at timestamptz not null default now(),
  primary key (scan_id, slot_id),
  foreign key (organization_id, scan_id) references scan (organization_id, id),
  foreign key (organization_id, slot_id) references slot (organization_id, id) on delete cascade,
  check ((decision = 'QUOTA_EXCEEDED') = (shortage is not null))
);
create index scan_decision_slot on scan_decision (slot_id, created_at);
alter table scan_decision enable row level security;
alter table scan_decision force row level security;
create policy tenant on scan_decision to reelpilot_api
  using (organization_id = (select current_organization()))
  with check (organization_id = (select current_organization()));
create policy runtime on scan_decision to reelpilot_runtime using (true) with check (true);
grant select, insert on scan_decision to reelpilot_api, reelpilot_runtime;
