-- Jobs are started in few round trips: what a start must know is read, under the locks that it needs, by one call.

-- A scan reads the slots of one organization in their order, chunk by chunk, and only those that can still fall due.
drop index slot_unclaimed;
create index slot_unclaimed on slot (organization_id, publish_at, id) where claimed_at is null;

-- The chunks of one scan are counted in its row.
grant update (window_end, considered, started_jobs) on scan to reelpilot_runtime;

-- An organization's limits, and the balances in force that may count at an instant: its grants that have not ended, and its days and
-- months that began a short while ago. Which day and month the instant is in depends on the organization's time zone; the code knows.
create function read_quota(of_organization uuid, moment timestamptz) returns jsonb
  language sql stable
  as $$
    select jsonb_build_object(
      'timeZone', organization.time_zone,
      'limits', coalesce((
        select jsonb_agg(jsonb_build_object('metric', metric, 'period', period))
          from quota_limit where organization_id = of_organization), '[]'),
      'balances', coalesce((
        select jsonb_agg(jsonb_build_object(
                 'id', id, 'metric', metric, 'period', period, 'isGrant', is_grant, 'isHard', is_hard, 'startsAt', starts_at,
                 'endsAt', ends_at, 'allowance', allowance, 'reserved', reserved, 'used', used,
                 -- A sliding window reports a threshold again once a span has passed.
                 'notifiedThreshold', case when period = 'rolling' and notified_at <= window_start then 0
                                           else notified_threshold end)
                 order by ends_at nulls last, is_grant desc, id)
          from quota
         where organization_id = of_organization
           and (period = 'total' or exists (
                 select from quota_limit
                  where (quota_limit.organization_id, quota_limit.metric, quota_limit.period)
                      = (quota.organization_id, quota.metric, quota.period)))
           and case when is_grant then coalesce(ends_at > moment, true)
                    when period = 'day' then starts_at > moment - interval '3 days'
                    when period = 'month' then starts_at > moment - interval '33 days'
                    else true end), '[]'))
      from organization where id = of_organization $$;

-- Locks an organization's quota until the end of the transaction, and reads it as the last writer left it. A single statement would
-- read what was committed before it waited for the lock.
create function lock_quota(of_organization uuid, moment timestamptz) returns jsonb
  language plpgsql
  as $$
  begin
    perform from organization where id = of_organization for no key update;
    return read_quota(of_organization, moment);
  end $$;

-- Reads what a person's start of a job must know, once the transaction has locked the slot: the job that the slot has, or how many
-- cancelled ones. If the job may start, it locks the quota too, and looks for an unfinished job with the same key.
create function lock_start(of_organization uuid, of_slot uuid, may_start boolean, of_key text) returns jsonb
  language plpgsql
  as $$
  declare
    moment timestamptz := date_trunc('milliseconds', clock_timestamp());
    existing uuid;
    cancelled int;
    locked_quota jsonb;
    running uuid;
  begin
    select min(id::text) filter (where state <> 'cancelled'), count(*) into existing, cancelled
      from machine_instance where slot_id = of_slot;
    if existing is null and may_start then
      locked_quota := lock_quota(of_organization, moment);
      -- The condition of the index `machine_instance_job_key`.
      select id into running from machine_instance
       where organization_id = of_organization and job_key = of_key and tag not in ('settled', 'final');
    end if;
    return jsonb_build_object('at', extract(epoch from moment) * 1000, 'existing', existing, 'cancelled', cancelled,
                              'quota', locked_quota, 'running', running);
  end $$;
