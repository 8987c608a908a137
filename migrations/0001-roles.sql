-- Two roles that own nothing. The API works as the first, inside row-level security, one organization at a time;
-- the runtime, whose commits move jobs of many organizations in one statement, works as the second.
-- Roles belong to the whole server, so another database of it may have made them already.
do $$ begin
  create role reelpilot_api nologin;
exception when duplicate_object or unique_violation then null; end $$;
do $$ begin
  create role reelpilot_runtime nologin;
exception when duplicate_object or unique_violation then null; end $$;
grant reelpilot_api, reelpilot_runtime to current_user;
grant usage on schema reelpilot to reelpilot_api, reelpilot_runtime;

-- The organization that the current transaction acts for. Without one nothing is visible. After a transaction
-- that set it, the same connection answers '' rather than null, hence the nullif.
create function current_organization() returns uuid
  language sql stable parallel safe
  as $$ select nullif(current_setting('app.organization_id', true), '')::uuid $$;
