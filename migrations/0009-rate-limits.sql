-- Rate limits, kept across all processes: sliding windows for upstreams, which are never exceeded, and token buckets for our own API.
-- src/rate-limit/sliding-window.ts explains what a window guarantees, why, and what its margin is for. The functions here decide as
-- src/rate-limit/memory/windows.ts does, in one statement each.

-- The window of an organization, or one that all organizations of the app share.
create table rate_window (
  id bigint generated always as identity primary key,
  organization_id uuid references organization,
  -- The organization, or the nil UUID for the app, so that one index finds both.
  owner uuid not null generated always as (coalesce(organization_id, '00000000-0000-0000-0000-000000000000')) stored,
  key text not null check (length(key) between 1 and 200),
  -- The limit of the last request, kept for display.
  max_calls int not null check (max_calls >= 1),
  window_ms bigint not null check (window_ms >= 1),
  margin_ms bigint not null check (margin_ms between 10 and window_ms),
  -- Pairs of an instant, in epoch milliseconds and ascending, and the number of reservations at it.
  reservations bigint[] not null default '{}' check (cardinality(reservations) % 2 = 0),
  -- How many of them are queued: rows of the table below.
  queue_length int not null default 0 check (queue_length >= 0),
  unique (owner, key)
) with (fillfactor = 50);

-- Reservations in the future: each requester returns at the instant that was reserved for it.
create table rate_queue (
  window_id bigint not null references rate_window,
  organization_id uuid not null references organization,
  requester text not null check (length(requester) between 1 and 200),
  reserved_at bigint not null,
  primary key (window_id, organization_id, requester)
);
create index rate_queue_order on rate_queue (window_id, reserved_at);

-- The content of a token bucket at an instant, in thousandths of a token: src/rate-limit/token-bucket.ts.
create table rate_bucket (
  id bigint generated always as identity primary key,
  organization_id uuid references organization,
  owner uuid not null generated always as (coalesce(organization_id, '00000000-0000-0000-0000-000000000000')) stored,
  key text not null check (length(key) between 1 and 200),
  millitokens bigint not null check (millitokens >= 0),
  -- Epoch milliseconds.
  at bigint not null,
  unique (owner, key)
) with (fillfactor = 50);

-- An organization's own limits, in place of the defaults.
create table rate_limit_setting (
  organization_id uuid not null references organization,
  name text not null check (name in ('uploads', 'reads', 'posts')),
  max_calls int not null check (max_calls between 1 and 10000),
  updated_at timestamptz not null default now(),
  primary key (organization_id, name)
);

-- How many posts in 24 hours TikTok allowed a creator before it refused one more.
create table learned_cap (
  organization_id uuid not null,
  account_id uuid not null,
  max_posts int not null check (max_posts >= 1),
  learned_at timestamptz not null default now(),
  primary key (organization_id, account_id),
  foreign key (organization_id, account_id) references account (organization_id, id)
);

-- Where the limits are kept when Redis is used. Within one epoch that does not change. src/rate-limit/redis/epoch.ts says why.
create table rate_limit_epoch (
  is_only_row boolean primary key default true check (is_only_row),
  epoch bigint not null,
  -- The run id of the Redis server that keeps them; null: every process keeps its share of them in memory.
  server text,
  since timestamptz not null,
  reason text not null,
  -- Into how many shares the limits are divided.
  share_count int not null
);
-- The processes that apply the limits.
create table rate_limit_process (
  id uuid primary key,
  -- The Redis server that the process reaches.
  server text,
  heartbeat_at timestamptz not null,
  -- The process's share of the epoch, from 0; null if it joined later.
  share int
);

alter table rate_window enable row level security;
alter table rate_window force row level security;
alter table rate_queue enable row level security;
alter table rate_queue force row level security;
alter table rate_bucket enable row level security;
alter table rate_bucket force row level security;
alter table rate_limit_setting enable row level security;
alter table rate_limit_setting force row level security;
alter table learned_cap enable row level security;
alter table learned_cap force row level security;
alter table rate_limit_epoch enable row level security;
alter table rate_limit_epoch force row level security;
alter table rate_limit_process enable row level security;
alter table rate_limit_process force row level security;
-- The API uses its organization's limits. What the app shares belongs to no organization; only the runtime sees it.
create policy tenant on rate_window to reelpilot_api
  using (organization_id = (select current_organization()))
  with check (organization_id = (select current_organization()));
create policy tenant on rate_queue to reelpilot_api
  using (organization_id = (select current_organization()))
  with check (organization_id = (select current_organization()));
create policy tenant on rate_bucket to reelpilot_api
  using (organization_id = (select current_organization()))
  with check (organization_id = (select current_organization()));
create policy tenant on rate_limit_setting to reelpilot_api
  using (organization_id = (select current_organization()))
  with check (organization_id = (select current_organization()));
create policy tenant on learned_cap to reelpilot_api using (organization_id = (select current_organization()));
-- Epochs and processes contain nothing about an organization.
create policy every_process on rate_limit_epoch to reelpilot_api, reelpilot_runtime using (true) with check (true);
create policy every_process on rate_limit_process to reelpilot_api, reelpilot_runtime using (true) with check (true);
create policy runtime on rate_window to reelpilot_runtime using (true) with check (true);
create policy runtime on rate_queue to reelpilot_runtime using (true) with check (true);
create policy runtime on rate_bucket to reelpilot_runtime using (true) with check (true);
create policy runtime on rate_limit_setting to reelpilot_runtime using (true) with check (true);
create policy runtime on learned_cap to reelpilot_runtime using (true) with check (true);
grant select, insert, update on rate_window, rate_bucket to reelpilot_api, reelpilot_runtime;
grant select, insert, update, delete on rate_queue, rate_limit_setting to reelpilot_api, reelpilot_runtime;
grant select, insert, update on rate_limit_epoch to reelpilot_api, reelpilot_runtime;
grant select, insert, update, delete on rate_limit_process to reelpilot_api, reelpilot_runtime;
grant select on learned_cap to reelpilot_api;
grant select, insert, update on learned_cap to reelpilot_runtime;

-- The instant that a reservation made now is recorded under. A tenth of the margin is the finest resolution.
create function rounded_instant(now bigint, margin_ms bigint) returns bigint
  language sql immutable parallel safe
  as $$ select now - now % greatest(1, margin_ms / 10) $$;

-- The first instant, not before another, at which one more reservation fits. Wherever `max_calls` reservations lie within less than a
-- span, there is an open interval around them in which one more would be too many.
create function earliest_reservation(reservations bigint[], max_calls int, span bigint, not_before bigint) returns bigint
  language plpgsql immutable parallel safe as $$
declare
  instant bigint := not_before;
  size int := cardinality(reservations);
  first int := 1;
  last int := -1;
  total bigint := 0;
begin
  while first < size loop
    while total < max_calls and last + 2 < size loop
      last := last + 2;
      total := total + reservations[last + 1];
    end loop;
    exit when total < max_calls;
    if reservations[last] - reservations[first] < span
       and instant > reservations[last] - span and instant < reservations[first] + span then
      instant := reservations[first] + span;
    end if;
    total := total - reservations[first + 1];
    first := first + 2;
  end loop;
  return instant;
end $$;

-- Adds (1) or removes (-1) a reservation at an instant. Removing one that has expired changes nothing.
create function adjust_reservations(reservations bigint[], instant bigint, change int) returns bigint[]
  language plpgsql immutable parallel safe as $$
declare
  index int := cardinality(reservations) - 1;
begin
  while index > 0 and reservations[index] > instant loop
    index := index - 2;
  end loop;
  if index > 0 and reservations[index] = instant then
    reservations[index + 1] := reservations[index + 1] + change;
    if reservations[index + 1] > 0 then
      return reservations;
    end if;
    return reservations[:index - 1] || reservations[index + 2:];
  end if;
  if change < 0 then
    return reservations;
  end if;
  return reservations[:index + 1] || array[instant, change] || reservations[index + 2:];
end $$;

-- The reservations after an instant.
create function reservations_since(reservations bigint[], start bigint) returns bigint[]
  language plpgsql immutable parallel safe as $$
declare
  first int := 1;
begin
  while first < cardinality(reservations) and reservations[first] <= start loop
    first := first + 2;
  end loop;
  if first > 1 then
    return reservations[first:];
  end if;
  return reservations;
end $$;

-- What a request wants of one window: its number among the windows of the call, and the limit that applies.
create type window_request as (number int, max_calls int, window_ms bigint, margin_ms bigint);

-- A window as of now: reservations whose requester did not return are free again, and those older than a whole span are removed.
create function expire_reservations(state rate_window, request window_request, now bigint) returns rate_window
  language plpgsql as $$
declare
  lapsed bigint;
begin
  state.max_calls := request.max_calls;
  state.window_ms := request.window_ms;
  state.margin_ms := request.margin_ms;
  if state.queue_length > 0 then
    for lapsed in
      delete from rate_queue q where q.window_id = state.id and q.reserved_at < now - request.margin_ms / 2
      returning q.reserved_at
    loop
      state.reservations := adjust_reservations(state.reservations, lapsed, -1);
      state.queue_length := state.queue_length - 1;
    end loop;
  end if;
  state.reservations := reservations_since(
    state.reservations, rounded_instant(now, request.margin_ms) - request.window_ms - request.margin_ms);
  return state;
end $$;

-- Removes a requester from the queue of a window. `releases`: its reservation is released as well, otherwise it is used now.
create function leave_queue(state rate_window, organization uuid, requester text, releases boolean) returns rate_window
  language plpgsql as $$
declare
  reserved bigint;
begin
  delete from rate_queue q
   where q.window_id = state.id and q.organization_id = organization and q.requester = leave_queue.requester
  returning q.reserved_at into reserved;
  if reserved is not null then
    state.queue_length := state.queue_length - 1;
    if releases then
      state.reservations := adjust_reservations(state.reservations, reserved, -1);
    end if;
  end if;
  return state;
end $$;

-- In a window that the app shares: takes over the earliest reservation of another organization that has more of them queued than the
-- requesting one, if the other windows have capacity then as well. The other organization's later requesters each move on to its next
-- reservation, the last one to `ending`. Returns the instant, or null. The order: src/rate-limit/fair-queue.ts.
create function take_over_reservation(shared bigint, requesting uuid, after bigint, ending bigint,
                                      others rate_window[], requests window_request[]) returns bigint
  language plpgsql as $$
declare
  taken record;
begin
  select queued.organization_id, queued.reserved_at, queued.rank into taken
    from (select q.organization_id, q.reserved_at,
                 row_number() over (partition by q.organization_id order by q.reserved_at, q.requester collate "C") as rank
            from rate_queue q where q.window_id = shared and q.organization_id <> requesting) queued
   where queued.reserved_at > after and queued.reserved_at < ending
     and queued.rank > 1 + (select count(*) from rate_queue q
                             where q.window_id = shared and q.organization_id = requesting)
     and not exists (
       select from generate_subscripts(others, 1) n
        where queued.reserved_at <> earliest_reservation(
                (others[n]).reservations, (requests[n]).max_calls,
                (requests[n]).window_ms + (requests[n]).margin_ms, queued.reserved_at))
   order by queued.reserved_at, queued.organization_id limit 1;
  if not found then
    return null;
  end if;
  with queued as (
    select q.requester, row_number() over (order by q.reserved_at, q.requester collate "C") as rank, q.reserved_at
      from rate_queue q where q.window_id = shared and q.organization_id = taken.organization_id
  ), reservation as (
    select r.reserved_at, row_number() over (order by r.reserved_at) as rank
      from (select queued.reserved_at from queued where queued.rank <> taken.rank
            union all select ending) r(reserved_at)
  )
  update rate_queue q set reserved_at = reservation.reserved_at
    from queued join reservation using (rank)
   where q.window_id = shared and q.organization_id = taken.organization_id
     and q.requester = queued.requester and q.reserved_at <> reservation.reserved_at;
  return taken.reserved_at;
end $$;

-- Decides requests in their order. Each reserves all of its windows or none.
--   owners, keys: the windows that the requests name, each once; a null owner is the app.
--   requests: [{"organization", "requester", "windows": [{"number", "max_calls", "window_ms", "margin_ms"}]}], numbers from 1
--   acting_for: the organization, if the API's role calls; it sees the rows of no other.
--   as_of: the current time in epoch milliseconds; if null, the clock is read once the rows are locked.
-- Granted: `reserved_at` has one instant per window, `full_window` is null. Queued: `reserved_at` has the one instant to return at, and
-- `full_window` is the number of the first window that is full now.
create function reserve_windows(owners uuid[], keys text[], requests jsonb, acting_for uuid, as_of bigint)
  returns table (reserved_at bigint[], full_window int, use_before bigint, decided_at bigint)
  language plpgsql as $$
declare
  -- The number of instants kept per window (src/rate-limit/memory/windows.ts).
  max_instants constant int := 4096;
  app constant uuid := '00000000-0000-0000-0000-000000000000';
  states rate_window[];
  request record;
  wanted window_request;
  queued_at bigint[];
  is_queued boolean;
  instant bigint;
  before bigint;
  ending bigint;
  shared int;
begin
  if acting_for is not null then
    perform set_config('app.organization_id', acting_for::text, true);
  end if;
  -- Rows are created, then locked, in one order, so that concurrent callers wait for each other and do not deadlock.
  insert into rate_window (organization_id, key, max_calls, window_ms, margin_ms)
  select named.organization_id, named.key, 1, 10, 10
    from unnest(owners, keys) named(organization_id, key)
   where not exists (
     select from rate_window w where w.owner = coalesce(named.organization_id, app) and w.key = named.key)
   order by coalesce(named.organization_id, app), named.key
  on conflict do nothing;
  states := array(
    select locked.w
      from (select w, named.number
              from unnest(owners, keys) with ordinality named(organization_id, key, number)
              join rate_window w on w.owner = coalesce(named.organization_id, app) and w.key = named.key
             order by w.owner, w.key
               for update of w) locked
     order by locked.number);
  if cardinality(states) <> cardinality(keys) then
    raise exception 'some of these windows are not visible to %', current_user;
  end if;
  decided_at := coalesce(as_of, floor(extract(epoch from clock_timestamp()) * 1000)::bigint);

  for request in
    select r.*
      from rows from (jsonb_to_recordset(requests) as (organization uuid, requester text, windows window_request[]))
           with ordinality r(organization, requester, windows, number)
     order by r.number
  loop
    use_before := null;
    full_window := null;
    reserved_at := '{}';
    queued_at := '{}';

    foreach wanted in array request.windows loop
      states[wanted.number] := expire_reservations(states[wanted.number], wanted, decided_at);
      if (states[wanted.number]).queue_length > 0 then
        queued_at := queued_at || array(
          select q.reserved_at from rate_queue q
           where q.window_id = (states[wanted.number]).id
             and q.organization_id = request.organization and q.requester = request.requester);
      end if;
    end loop;
    -- The requester's reservation counts if all windows have the same instant. If some have lapsed or moved, it is queued anew.
    is_queued := cardinality(queued_at) = cardinality(request.windows) and queued_at[1] = all (queued_at);
    if cardinality(queued_at) > 0 and not (is_queued and queued_at[1] > decided_at) then
      foreach wanted in array request.windows loop
        states[wanted.number] := leave_queue(
          states[wanted.number], request.organization, request.requester, releases => not is_queued);
      end loop;
    end if;
    if is_queued and queued_at[1] <= decided_at then
      reserved_at := queued_at;
      use_before := queued_at[1] + (select min(w.margin_ms) from unnest(request.windows) w);
      return next;
      continue;
    end if;

    -- Granted now, if every window has capacity now.
    foreach wanted in array request.windows loop
      instant := earliest_reservation(
        (states[wanted.number]).reservations, wanted.max_calls, wanted.window_ms + wanted.margin_ms,
        rounded_instant(decided_at, wanted.margin_ms));
      if instant > decided_at then
        full_window := coalesce(full_window, wanted.number);
      end if;
      reserved_at := reserved_at || instant;
      use_before := least(use_before, instant + wanted.margin_ms);
    end loop;
    if is_queued then
      full_window := coalesce(full_window, (request.windows[1]).number);
      reserved_at := queued_at[1:1];
      return next;
      continue;
    end if;
    if full_window is null then
      for index in 1..cardinality(reserved_at) loop
        wanted := request.windows[index];
        states[wanted.number].reservations :=
          adjust_reservations((states[wanted.number]).reservations, reserved_at[index], 1);
      end loop;
      return next;
      continue;
    end if;

    -- Queued: at the first instant at which every window has capacity, or earlier in place of another organization.
    instant := decided_at;
    loop
      before := instant;
      foreach wanted in array request.windows loop
        instant := earliest_reservation(
          (states[wanted.number]).reservations, wanted.max_calls, wanted.window_ms + wanted.margin_ms, instant);
      end loop;
      exit when instant = before;
    end loop;
    if exists (select from unnest(request.windows) w
                where cardinality((states[w.number]).reservations) >= 2 * max_instants) then
      reserved_at := array[instant];
      return next;
      continue;
    end if;
    select w.number,
           earliest_reservation((states[w.number]).reservations, w.max_calls, w.window_ms + w.margin_ms, decided_at)
      into shared, ending
      from unnest(request.windows) w where (states[w.number]).organization_id is null;
    if found then
      before := take_over_reservation(
        (states[shared]).id, request.organization, decided_at, ending,
        array(select states[w.number] from unnest(request.windows) w where w.number <> shared),
        array(select w from unnest(request.windows) w where w.number <> shared));
      if before is not null then
        -- The reservation changes hands; the other organization gets one at the end instead.
        instant := before;
        states[shared].reservations :=
          adjust_reservations(adjust_reservations((states[shared]).reservations, before, -1), ending, 1);
      end if;
    end if;
    foreach wanted in array request.windows loop
      states[wanted.number].reservations := adjust_reservations((states[wanted.number]).reservations, instant, 1);
      states[wanted.number].queue_length := (states[wanted.number]).queue_length + 1;
      insert into rate_queue (window_id, organization_id, requester, reserved_at)
      values ((states[wanted.number]).id, request.organization, request.requester, instant);
    end loop;
    reserved_at := array[instant];
    return next;
  end loop;

  update rate_window w
     set max_calls = s.max_calls, window_ms = s.window_ms, margin_ms = s.margin_ms, reservations = s.reservations,
         queue_length = s.queue_length
    from unnest(states) s where w.id = s.id;
end $$;

-- Releases reservations whose call the upstream does not count: [{"owner": null for the app, "key", "at"}].
create function release_reservations(released jsonb, acting_for uuid) returns void
  language plpgsql as $$
declare
  reservation record;
begin
  if acting_for is not null then
    perform set_config('app.organization_id', acting_for::text, true);
  end if;
  for reservation in
    select coalesce(r.owner, '00000000-0000-0000-0000-000000000000') as owner, r.key, r.at
      from jsonb_to_recordset(released) as r(owner uuid, key text, at bigint) order by 1, 2
  loop
    update rate_window w set reservations = adjust_reservations(w.reservations, reservation.at, -1)
     where w.owner = reservation.owner and w.key = reservation.key;
  end loop;
end $$;

-- Takes tokens from buckets, in the order of the requests: [{"number": of the bucket, "capacity", "refill": per second, "cost"}], all
-- in whole tokens. The other arguments are as above. Does not wait for the commit: a crash may return the tokens taken just before it.
create function take_tokens(owners uuid[], keys text[], requests jsonb, acting_for uuid, as_of bigint)
  returns table (is_taken boolean, tokens_left bigint, after_ms bigint)
  language plpgsql as $$
declare
  app constant uuid := '00000000-0000-0000-0000-000000000000';
  ids bigint[];
  levels bigint[];
  instants bigint[];
  request record;
  now bigint;
  level bigint;
begin
  perform set_config('synchronous_commit', 'off', true);
  if acting_for is not null then
    perform set_config('app.organization_id', acting_for::text, true);
  end if;
  -- A new bucket is full. Its capacity is not known here, so it gets more than any capacity.
  insert into rate_bucket (organization_id, key, millitokens, at)
  select named.organization_id, named.key, 1000000000000, 0
    from unnest(owners, keys) named(organization_id, key)
   where not exists (
     select from rate_bucket b where b.owner = coalesce(named.organization_id, app) and b.key = named.key)
   order by coalesce(named.organization_id, app), named.key
  on conflict do nothing;
  select array_agg(locked.id order by locked.number), array_agg(locked.millitokens order by locked.number),
         array_agg(locked.at order by locked.number)
    into ids, levels, instants
    from (select b.id, b.millitokens, b.at, named.number
            from unnest(owners, keys) with ordinality named(organization_id, key, number)
            join rate_bucket b on b.owner = coalesce(named.organization_id, app) and b.key = named.key
           order by b.owner, b.key
             for update of b) locked;
  if cardinality(ids) is distinct from cardinality(keys) then
    raise exception 'some of these buckets are not visible to %', current_user;
  end if;
  now := coalesce(as_of, floor(extract(epoch from clock_timestamp()) * 1000)::bigint);

  for request in
    select r.*
      from rows from (jsonb_to_recordset(requests)
             as (number int, capacity bigint, refill bigint, cost bigint))
           with ordinality r(number, capacity, refill, cost, position)
     order by r.position
  loop
    -- A clock that was set back refills nothing.
    level := least(request.capacity * 1000, levels[request.number]
      + greatest(0, now - instants[request.number]) * request.refill);
    instants[request.number] := greatest(now, instants[request.number]);
    is_taken := level >= request.cost * 1000;
    after_ms := 0;
    if is_taken then
      level := level - request.cost * 1000;
    else
      after_ms := instants[request.number] - now
        + (request.cost * 1000 - level + request.refill - 1) / request.refill;
    end if;
    levels[request.number] := level;
    tokens_left := level / 1000;
    return next;
  end loop;

  update rate_bucket b set millitokens = s.millitokens, at = s.at
    from unnest(ids, levels, instants) s(id, millitokens, at) where b.id = s.id;
end $$;

-- Records a process's heartbeat and the Redis server that it reaches, and returns the current epoch. An epoch ends when some process
-- does not reach its server. The next one uses the server that all processes reach, or none. A process that joins an epoch without a
-- server has no share of the limits until they are divided again.
create function rate_limit_heartbeat(process uuid, reached_server text, lease interval)
  returns table (epoch bigint, server text, reason text, since_ms bigint, age_ms bigint, share_count int, share int)
  language plpgsql as $$
declare
  this rate_limit_epoch;
  agreed text;
  live int;
  now timestamptz;
begin
  insert into rate_limit_epoch (epoch, server, since, reason, share_count)
  values (0, null, '-infinity', 'no process had started', 0)
  on conflict do nothing;
  select * into this from rate_limit_epoch for update;
  now := clock_timestamp();
  delete from rate_limit_process p where p.heartbeat_at < now - 4 * lease;
  insert into rate_limit_process (id, server, heartbeat_at) values (process, reached_server, now)
  on conflict (id) do update set server = excluded.server, heartbeat_at = excluded.heartbeat_at;
  select count(*), case when count(distinct p.server) = 1 and count(p.server) = count(*) then min(p.server) end
    into live, agreed from rate_limit_process p;

  this.reason := case
    when this.server is not null and reached_server is null then 'a process cannot reach Redis'
    when this.server <> reached_server then 'Redis was restarted, or another server answers'
    when this.server is null and agreed is not null and now > this.since + lease then 'all processes reach Redis'
    when this.server is null and now > this.since + interval '1 minute'
         and exists (select from rate_limit_process p where p.id = process and p.share is null)
      then 'Redis is unreachable, and processes have joined'
  end;
  if this.reason is not null then
    update rate_limit_epoch
       set epoch = rate_limit_epoch.epoch + 1, server = agreed, since = now, reason = this.reason, share_count = live;
    update rate_limit_process p set share = numbered.share
      from (select n.id, row_number() over (order by n.id) - 1 as share from rate_limit_process n) numbered
     where numbered.id = p.id;
  end if;
  return query
    select e.epoch, e.server, e.reason, floor(extract(epoch from e.since) * 1000)::bigint,
           floor(extract(epoch from now - e.since) * 1000)::bigint, e.share_count, p.share
      from rate_limit_epoch e, rate_limit_process p where p.id = process;
end $$;
