-- Previews: jobs that render the video of a storyboard and post nothing. They have no slot in `machine_instance`, so that they neither
-- claim it nor count as its job.

create or replace function job_states() returns text[] language sql immutable parallel safe return array[
  'queued', 'reservingQuota', 'waitingForQuota',
  'generating.submitting', 'generating.checking', 'generating.rendering', 'generating.keeping', 'generating.backingOff',
  'storing', 'checkingMedia', 'awaitingSlot',
  'publishing.preparing', 'publishing.initialising', 'publishing.deferred',
  'publishing.uploading', 'publishing.reconciling', 'publishing.backingOff',
  'watching.accepted', 'watching.processing', 'watching.checking', 'watching.inModeration', 'watching.backingOff',
  'backingOff', 'paused', 'held', 'checkingHold', 'waitingForAccount', 'needsPerson', 'closing',
  'rendered', 'published', 'delivered', 'takenDown', 'cancelled', 'failed'];

create table preview (
  job_id uuid not null primary key,
  organization_id uuid not null references organization,
  -- The slot that it shows; null once that is removed.
  slot_id uuid,
  -- What it renders: the slot's storyboard at its start. The slot may change meanwhile.
  storyboard jsonb not null,
  created_at timestamptz not null default clock_timestamp(),
  foreign key (organization_id, job_id) references machine_instance (organization_id, id),
  foreign key (organization_id, slot_id) references slot (organization_id, id) on delete set null (slot_id)
);
create index preview_slot on preview (slot_id, created_at) where slot_id is not null;
alter table preview enable row level security;
alter table preview force row level security;
create policy tenant on preview to reelpilot_api
  using (organization_id = (select current_organization()))
  with check (organization_id = (select current_organization()));
create policy runtime on preview to reelpilot_runtime using (true) with check (true);
grant select, insert on preview to reelpilot_api, reelpilot_runtime;
