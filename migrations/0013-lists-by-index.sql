-- Lists and replays read what they return, however many events and jobs there are.

-- What an event is about: the part of its type before the dot. A column, because under row-level security only comparisons of columns
-- may use an index.
alter table event add column family text not null generated always as (split_part(type, '.', 1)) stored;
-- Replays of everything but jobs. Events of jobs are most of all events; replays of a job use `event_job_revision`.
create index event_family on event (organization_id, family, sequence) where family <> 'job';
create index event_account on event (account_id, sequence) where family = 'account';
-- The events of a slot that do not name its plan: those of its jobs, and of dead letters.
create index event_slot on event (slot_id, sequence) where slot_id is not null and plan_id is null;

-- Lists of jobs by state: without it, a state that no job is in reads all jobs.
create index machine_instance_state on machine_instance (organization_id, state, created_at, id) where machine = 'job';
