-- Old events are deleted, from the beginning of each organization's sequence.

-- The last event that was deleted or is about to be: what is kept begins after it. It is raised before the events are deleted, so that a
-- reader who was there can be told, and never takes a deleted event for one that does not concern it.
alter table event_head add column deleted_through bigint not null default 0 check (deleted_through between 0 and sequence);

grant delete on event to reelpilot_runtime;
create policy only_what_is_no_longer_kept on event as restrictive for delete to reelpilot_runtime
  using (sequence <= (select deleted_through from event_head where event_head.organization_id = event.organization_id));

-- Windows and buckets that nobody has used for long are deleted: an API has a bucket for each client's address.
grant delete on rate_window, rate_bucket to reelpilot_runtime;
