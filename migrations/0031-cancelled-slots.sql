-- A slot whose job was cancelled may have another: nothing was posted. At most one of its jobs is unfinished or has posted, and a
-- cancelled job never comes back (`job_stays_over`), so a slot is posted once at most, however many jobs it had.
drop index job_of_slot;
create unique index job_of_slot on job (slot_id) where slot_id is not null and state <> 'cancelled';
create index jobs_of_slot on job (slot_id) where slot_id is not null;
