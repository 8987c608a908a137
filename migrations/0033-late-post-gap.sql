-- When a post of the account last took its turn to be opened, and of which job: posts that are late keep a gap to it. Only steps
-- read and write it, as the runtime; the API's role was granted columns, and these are not among them.
alter table account add column last_post_at timestamptz, add column last_post_job uuid;
