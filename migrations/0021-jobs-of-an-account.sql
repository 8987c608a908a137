-- Lists of an account's jobs, the newest first. Each state has an ordered part of its own.
drop index machine_instance_account;
create index machine_instance_account on machine_instance (account_id, state, created_at, id) where machine = 'job';
