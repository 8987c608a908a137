-- Whether a scan made a job, which autopilot let, or a person asked for it: what autopilot started, it holds when it is turned off.
-- Null of machines that serve no slot. Who started the jobs that there are was not kept: they count as autopilot's.
alter table job add column started_by text check (started_by in ('scan', 'person'));
set local role reelpilot_runtime;
update job set started_by = 'scan' where machine = 'job';
reset role;
