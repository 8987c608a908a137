-- Deliveries that could not be taken in: since when, and what kept them. Null again once they are queued anew.
alter table webhook_delivery
  add column failed_at timestamptz check (failed_at is null or handled_at is null),
  add column failure text check ((failed_at is null) = (failure is null));
create index webhook_failed on webhook_delivery (received_at) where failed_at is not null;
