-- Scans and their decisions are deleted when they are old: an organization with many slots gets thousands of decisions a day.
create index scan_created_at on scan (created_at);
grant delete on scan, scan_decision to reelpilot_runtime;
