-- Roles: two roles own nothing and cannot log in; connections take them on. `reelpilot_api` serves requests inside row-level
-- security, one organization at a time. `reelpilot_runtime` commits transitions of many organizations in one statement.
-- Roles belong to the server, so another database of the same server may already have created them.
do $$ begin
  create role reelpilot_api nologin;
exception when duplicate_object or unique_violation then null; end $$;
do $$ begin
  create role reelpilot_runtime nologin;
exception when duplicate_object or unique_violation then null; end $$;
grant reelpilot_api, reelpilot_runtime to current_user;
grant usage on schema reelpilot to reelpilot_api, reelpilot_runtime;

-- The organization that the current transaction acts for. Null hides every row from the API's role. After a transaction that set
-- it, the same connection reads '' instead of null, hence the nullif.
create function current_organization() returns uuid
  language sql stable parallel safe
  as $$ select nullif(current_setting('app.organization_id', true), '')::uuid $$;
