-- Machine instances: the checkpoint of every job and account, what the queue gave up on, and the rendered videos.

-- The states that a row may be in: those of the machines, and those of older machine versions that a row may still be in until its
-- next transition upgrades it. A migration that ships a new state replaces the function. A test compares them with the machines.
create function job_states() returns text[] language sql immutable parallel safe return array[
  'queued', 'reservingQuota', 'waitingForQuota',
  'generating.submitting', 'generating.checking', 'generating.rendering', 'generating.keeping', 'generating.backingOff',
  'storing', 'checkingMedia', 'awaitingSlot',
  'publishing.preparing', 'publishing.initialising', 'publishing.deferred',
  'publishing.uploading', 'publishing.reconciling', 'publishing.backingOff',
  'watching.accepted', 'watching.processing', 'watching.checking', 'watching.inModeration', 'watching.backingOff',
  'backingOff', 'paused', 'held', 'checkingHold', 'waitingForAccount', 'needsPerson', 'closing',
  'published', 'delivered', 'takenDown', 'cancelled', 'failed'];
create function account_states() returns text[] language sql immutable parallel safe return array[
  'connecting', 'connected', 'refreshing.requesting', 'refreshing.backingOff', 'needsReauthorization', 'revoked',
  'disconnecting.revoking', 'disconnecting.backingOff', 'disconnected'];

-- An instance of a machine: its last checkpoint, when it is due, and which worker has leased it.
create table machine_instance (
  id uuid not null,
  organization_id uuid not null references organization,
  -- The slot that a job posts; null for machines without a slot.
  slot_id uuid,
  account_id uuid,
  machine text not null,
  version int not null check (version >= 1),
  state text not null,
  tag text not null check (tag in ('working', 'waiting', 'resting', 'settled', 'final')),
  context jsonb not null,
  step jsonb,
  timers jsonb not null default '{}',
  -- Rises by one with every transition; every writer names the revision that it read.
  revision bigint not null check (revision >= 1),
  wake_at timestamptz,
  -- How many times this revision was leased: shows that a step kills its worker.
  lease_attempts int not null default 0,
  -- Rises with every lease; a commit under an older epoch is refused.
  lease_epoch bigint not null default 0,
  lease_owner text,
  lease_until timestamptz,
  -- The client's own name for the work that a job does.
  job_key text check (length(job_key) between 1 and 255),
  -- `scan` if autopilot started the job, `person` if a person asked for it. Turning autopilot off holds only what autopilot started.
  -- Null for machines without a slot.
  started_by text check (started_by in ('scan', 'person')),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (id),
  unique (organization_id, id),
  foreign key (organization_id, slot_id) references slot (organization_id, id),
  foreign key (organization_id, account_id) references account (organization_id, id),
  -- A step is pending exactly in a working state.
  check ((tag = 'working') = (step is not null)),
  -- What must go on without outside input has a time to wake it.
  check ((tag in ('working', 'waiting')) = (wake_at is not null)),
  check ((lease_owner is null) = (lease_until is null)),
  constraint machine_instance_job_state check (machine <> 'job' or state = any (job_states())),
  constraint machine_instance_account_state check (machine <> 'account' or state = any (account_states())),
  constraint machine_instance_final_state check (machine <> 'job' or state not in ('cancelled', 'failed') or tag = 'final')
);
-- One job per slot, however many scanners run. This index is the guard; queue ids are only the second. A slot whose job was
-- cancelled may have another: nothing was posted, and a cancelled job never comes back (`machine_instance_stays_final`).
create unique index machine_instance_slot on machine_instance (slot_id) where slot_id is not null and state <> 'cancelled';
create index machine_instance_all_of_slot on machine_instance (slot_id) where slot_id is not null;
-- Lists of jobs contain no accounts.
create index machine_instance_jobs on machine_instance (organization_id, created_at, id) where machine = 'job';
create index machine_instance_account on machine_instance (account_id, state) where machine = 'job';
create index machine_instance_wake_at on machine_instance (wake_at) where wake_at is not null;
-- TikTok identifies a post by its publish id.
create index machine_instance_publish_id on machine_instance ((context->'post'->>'publishId')) where context->'post'->>'publishId' is not null;
-- A client's key names at most one unfinished job: a settled job's work is done, and no transition leads back to work.
create unique index machine_instance_job_key on machine_instance (organization_id, job_key)
  where job_key is not null and tag not in ('settled', 'final');
create trigger machine_instance_stays_final before update on machine_instance for each row
  when (old.machine = 'job' and old.state in ('cancelled', 'failed')
        and (new.state, new.tag, new.machine) is distinct from (old.state, old.tag, old.machine))
  execute function refuse_leaving_final_state();
alter table machine_instance enable row level security;
alter table machine_instance force row level security;
create policy tenant on machine_instance to reelpilot_api
  using (organization_id = (select current_organization()))
  with check (organization_id = (select current_organization()));
create policy runtime on machine_instance to reelpilot_runtime using (true) with check (true);
grant select, insert, update on machine_instance to reelpilot_api, reelpilot_runtime;

-- Machine instances that the queue gave up on.
create table dead_letter (
  id uuid primary key default gen_random_uuid(),
  organization_id uuid not null references organization,
  -- A job's or an account's id: both are machine instances.
  instance_id uuid not null,
  -- The revision at which the instance stopped. Once it has a later revision, the dead letter is history.
  revision bigint not null check (revision >= 1),
  -- The state in which the workers failed.
  state text not null,
  code text not null check (code in ('UNKNOWN_CHECKPOINT', 'WORKER_ERROR', 'WORKER_DIED')),
  message text not null,
  -- How many times the queue tried.
  attempts int not null check (attempts >= 1),
  created_at timestamptz not null default clock_timestamp(),
  -- When it was redriven, why, and by which API key (null for the operator).
  redriven_at timestamptz,
  redrive_reason text check ((redriven_at is null) = (redrive_reason is null)),
  redriven_by text check (redriven_by is null or redriven_at is not null),
  foreign key (organization_id, instance_id) references machine_instance (organization_id, id)
);
-- At most one open dead letter per revision. The sweep reads it too and skips the instances listed here.
create unique index dead_letter_open on dead_letter (instance_id, revision) where redriven_at is null;
create index dead_letter_organization on dead_letter (organization_id, created_at, id);
alter table dead_letter enable row level security;
alter table dead_letter force row level security;
create policy tenant on dead_letter to reelpilot_api
  using (organization_id = (select current_organization()))
  with check (organization_id = (select current_organization()));
create policy runtime on dead_letter to reelpilot_runtime using (true) with check (true);
grant select, update (redriven_at, redrive_reason, redriven_by) on dead_letter to reelpilot_api;
grant select, insert, update on dead_letter to reelpilot_runtime;

-- A rendered video, kept in object storage under the hash of its content.
create table media (
  organization_id uuid not null references organization,
  sha256 text not null check (sha256 ~ '^[0-9a-f]{64}$'),
  bytes bigint not null check (bytes > 0),
  seconds double precision not null,
  width int not null,
  height int not null,
  content_type text not null,
  created_at timestamptz not null default now(),
  primary key (organization_id, sha256)
);
alter table media enable row level security;
alter table media force row level security;
create policy tenant on media to reelpilot_api using (organization_id = (select current_organization()));
create policy runtime on media to reelpilot_runtime using (true) with check (true);
grant select on media to reelpilot_api;
grant select, insert on media to reelpilot_runtime;
