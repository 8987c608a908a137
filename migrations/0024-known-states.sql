-- The states that a row may be in: those of the machines, and of their older versions where a row may still be in one (it is
-- brought up to date by whoever moves it next). A migration that ships a new state replaces the function. A test compares
-- them with the machines.
create function job_states() returns text[] language sql immutable parallel safe return array[
  'queued', 'reservingQuota', 'waitingForQuota',
  'generating.submitting', 'generating.checking', 'generating.rendering', 'generating.keeping', 'generating.backingOff',
  'storing', 'checkingMedia', 'awaitingSlot',
  'publishing.preparing', 'publishing.initialising', 'publishing.awaitingTurn',
  'publishing.uploading', 'publishing.reconciling', 'publishing.backingOff',
  'watching.accepted', 'watching.processing', 'watching.checking', 'watching.inModeration', 'watching.backingOff',
  'backingOff', 'paused', 'waitingForAccount', 'needsPerson', 'closing',
  'published', 'delivered', 'takenDown', 'cancelled', 'failed',
  -- Version 1.
  'publishing.confirming', 'publishing.checkingStatus'];
create function account_states() returns text[] language sql immutable parallel safe return array[
  'connecting', 'connected', 'refreshing.asking', 'refreshing.backingOff', 'needsReauthorization', 'revoked',
  'disconnecting.revoking', 'disconnecting.backingOff', 'disconnected'];
create function breaker_states() returns text[] language sql immutable parallel safe return array[
  'closed', 'open', 'halfOpen.ready', 'halfOpen.probing', 'recovering', 'forcedOpen', 'forcedClosed'];

alter table job
  add constraint job_known_state check (machine <> 'job' or state = any (job_states())),
  add constraint account_known_state check (machine <> 'account' or state = any (account_states())),
  add constraint job_final_state check (machine <> 'job' or state not in ('cancelled', 'failed') or tag = 'final');
alter table circuit_breaker add constraint breaker_known_state check (state = any (breaker_states()));

-- What is over stays over. Version 1 called `published` final as well; TikTok may still have news of those.
create function refuse_revival() returns trigger language plpgsql as $$
begin
  raise exception '% % is over: it cannot go from "%" to "%"', tg_table_name, old.id, old.state, new.state
    using errcode = 'check_violation', constraint = tg_name, table = tg_table_name, schema = tg_table_schema;
end $$;
create trigger job_stays_over before update on job for each row
  when (old.machine = 'job' and old.state in ('cancelled', 'failed')
        and (new.state, new.tag, new.machine) is distinct from (old.state, old.tag, old.machine))
  execute function refuse_revival();
create trigger plan_stays_over before update on plan for each row
  when (old.state = 'archived'
        and (new.state, new.autopilot, new.locked) is distinct from (old.state, old.autopilot, old.locked))
  execute function refuse_revival();

-- Slots that were skipped because their account was broken are considered again when it is connected.
alter table scan drop constraint scan_reason_check,
  add constraint scan_reason_check check (reason in ('hourly', 'boot', 'approval', 'request', 'quota', 'account'));
