-- An account is an instance of the account machine, whose checkpoint lies in `job` under the account's own id; what is
-- left here is what TikTok says of the creator, and the vault.

-- While somebody is still at the authorize page, nothing is known of the creator.
alter table account
  alter column open_id drop not null,
  alter column username drop not null,
  alter column display_name drop not null,
  add check ((open_id is null) = (username is null) and (username is null) = (display_name is null)),
  -- How long an access token of this grant lives: what "enough time left" can mean.
  add column access_lifetime_seconds int,
  -- A refresh token works once. Whoever presents it says so first: no two presentations of one version.
  add column presented_version int not null default 0 check (presented_version <= token_version),
  add column presented_at timestamptz,
  -- What the creator allows, as TikTok last said, and when.
  add column creator jsonb,
  add column creator_seen_at timestamptz;

-- Rows are behind row-level security, which holds for their owner too: the runtime's role sees them all.
set local role reelpilot_runtime;
insert into job (id, organization_id, account_id, machine, version, state, tag, context, timers, revision, wake_at)
select id, organization_id, id, 'account', 1,
       case state when 'connected' then 'connected' when 'needs_reauthorization' then 'needsReauthorization'
                  else 'disconnected' end,
       case state when 'connected' then 'waiting' else 'resting' end,
       jsonb_build_object(
         'accountId', id, 'authorizedAt', floor(extract(epoch from created_at) * 1000), 'version', token_version, 'refusedVersion', 0, 'attempts', 0, 'afterSeconds', 0,
         'failure', null,
         'accessExpiresAt', coalesce(floor(extract(epoch from access_expires_at) * 1000), 0),
         'refreshExpiresAt', coalesce(floor(extract(epoch from refresh_expires_at) * 1000), 0)),
       case state when 'connected' then jsonb_build_object(
         'xstate.after.keepAlive.account.connected', jsonb_build_object(
           'event', jsonb_build_object('type', 'xstate.after.keepAlive.account.connected'),
           'dueAt', floor(extract(epoch from coalesce(refresh_expires_at, now()) - interval '30 days') * 1000)))
         else '{}' end,
       1,
       case state when 'connected' then coalesce(refresh_expires_at, now()) - interval '30 days' end
  from account;
reset role;

alter table account
  drop column state,
  drop column refresh_lease_until;

revoke select on account from reelpilot_api;
-- The API shows accounts and opens connections; tokens are out of its reach.
grant select (id, organization_id, open_id, username, display_name, scopes, token_version, access_expires_at,
              refresh_expires_at, creator, creator_seen_at, created_at, updated_at),
      insert (id, organization_id, scopes) on account to reelpilot_api;

-- Lists of jobs do not show accounts.
drop index job_of_organization;
create index job_of_organization on job (organization_id, created_at, id) where machine = 'job';
create index job_of_account on job (account_id, state) where machine = 'job';
