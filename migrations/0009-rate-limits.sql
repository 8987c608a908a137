-- Rates that are kept across all processes: sliding windows of upstreams, which never exceed, and token buckets of our own
-- API. What a window promises, why that holds and what a margin is: src/rate-limit/sliding-window.ts. The functions here decide
-- as src/rate-limit/memory/windows.ts does, in one statement each.

-- A window of an organization's, or one that all organizations of the app share.
create table rate_window (
  id bigint generated always as identity primary key,
  organization_id uuid references organization,
  -- The same with a name for nobody, so that an index finds both.
  owner uuid not null generated always as (coalesce(organization_id, '00000000-0000-0000-0000-000000000000')) stored,
  key text not null check (length(key) between 1 and 200),
  -- As who asked last had it; for people.
  most int not null check (most >= 1),
  window_ms bigint not null check (window_ms >= 1),
  margin_ms bigint not null check (margin_ms between 10 and window_ms),
  -- Pairs of an instant, in epoch milliseconds and ascending, and how many places were given there.
  places bigint[] not null default '{}' check (cardinality(places) % 2 = 0),
  -- How many wait for one of them: rows of the table below.
  waiting int not null default 0 check (waiting >= 0),
  unique (owner, key)
) with (fillfactor = 50);

-- To whom a place to come was promised.
create table rate_waiting (
  window_id bigint not null references rate_window,
  organization_id uuid not null references organization,
  holder text not null check (length(holder) between 1 and 200),
  at bigint not null,
  primary key (window_id, organization_id, holder)
);
create index rate_waiting_line on rate_waiting (window_id, at);

-- What was in a bucket at an instant, in thousandths of a token: src/rate-limit/token-bucket.ts.
create table rate_bucket (
  id bigint generated always as identity primary key,
  organization_id uuid references organization,
  owner uuid not null generated always as (coalesce(organization_id, '00000000-0000-0000-0000-000000000000')) stored,
  key text not null check (length(key) between 1 and 200),
  thousandths bigint not null check (thousandths >= 0),
  at bigint not null,
  unique (owner, key)
) with (fillfactor = 50);

-- What an organization wants to differ from the defaults.
create table rate_limit_setting (
  organization_id uuid not null references organization,
  name text not null check (name in ('uploads', 'reads', 'posts')),
  most int not null check (most between 1 and 10000),
  updated_at timestamptz not null default now(),
  primary key (organization_id, name)
);

-- How many posts in 24 hours a creator was allowed, as TikTok's refusal of one more has shown.
create table learned_cap (
  organization_id uuid not null,
  account_id uuid not null,
  most int not null check (most >= 1),
  learned_at timestamptz not null default now(),
  primary key (organization_id, account_id),
  foreign key (organization_id, account_id) references account (organization_id, id)
);

-- Who keeps the limits when a Redis does: an era is the time in which that does not change. src/rate-limit/redis/epoch.ts says why.
create table rate_era (
  only_one boolean primary key default true check (only_one),
  era bigint not null,
  -- The run id of the Redis server that keeps them; null: every process keeps a share of them in its memory.
  server text,
  since timestamptz not null,
  reason text not null,
  -- Among how many the limits are divided.
  shares int not null
);
-- The processes that keep to the limits, as they were heard last.
create table rate_process (
  id uuid primary key,
  -- The Redis server that it reaches.
  server text,
  seen_at timestamptz not null,
  -- Which of the era's shares is its own, from 0; null for one that came later.
  share int
);

alter table rate_window enable row level security;
alter table rate_window force row level security;
alter table rate_waiting enable row level security;
alter table rate_waiting force row level security;
alter table rate_bucket enable row level security;
alter table rate_bucket force row level security;
alter table rate_limit_setting enable row level security;
alter table rate_limit_setting force row level security;
alter table learned_cap enable row level security;
alter table learned_cap force row level security;
alter table rate_era enable row level security;
alter table rate_era force row level security;
alter table rate_process enable row level security;
alter table rate_process force row level security;
-- The API keeps its organization's rates. What the app shares is nobody's: the runtime alone sees it.
create policy tenant on rate_window to reelpilot_api
  using (organization_id = (select current_organization()))
  with check (organization_id = (select current_organization()));
create policy tenant on rate_waiting to reelpilot_api
  using (organization_id = (select current_organization()))
  with check (organization_id = (select current_organization()));
create policy tenant on rate_bucket to reelpilot_api
  using (organization_id = (select current_organization()))
  with check (organization_id = (select current_organization()));
create policy tenant on rate_limit_setting to reelpilot_api
  using (organization_id = (select current_organization()))
  with check (organization_id = (select current_organization()));
create policy tenant on learned_cap to reelpilot_api using (organization_id = (select current_organization()));
-- Neither says anything of an organization.
create policy every_process on rate_era to reelpilot_api, reelpilot_runtime using (true) with check (true);
create policy every_process on rate_process to reelpilot_api, reelpilot_runtime using (true) with check (true);
create policy runtime on rate_window to reelpilot_runtime using (true) with check (true);
create policy runtime on rate_waiting to reelpilot_runtime using (true) with check (true);
create policy runtime on rate_bucket to reelpilot_runtime using (true) with check (true);
create policy runtime on rate_limit_setting to reelpilot_runtime using (true) with check (true);
create policy runtime on learned_cap to reelpilot_runtime using (true) with check (true);
grant select, insert, update on rate_window, rate_bucket to reelpilot_api, reelpilot_runtime;
grant select, insert, update, delete on rate_waiting, rate_limit_setting to reelpilot_api, reelpilot_runtime;
grant select, insert, update on rate_era to reelpilot_api, reelpilot_runtime;
grant select, insert, update, delete on rate_process to reelpilot_api, reelpilot_runtime;
grant select on learned_cap to reelpilot_api;
grant select, insert, update on learned_cap to reelpilot_runtime;

-- The instant that a place of now is kept under: a tenth of the margin is the finest that is remembered.
create function coarse_instant(now bigint, margin_ms bigint) returns bigint
  language sql immutable parallel safe
  as $$ select now - now % greatest(1, margin_ms / 10) $$;

-- The first instant, not before another, where one more place fits. Wherever `most` places lie within less than a span,
-- there is an open interval around them where one more would be too many.
create function earliest_place(places bigint[], most int, span bigint, not_before bigint) returns bigint
  language plpgsql immutable parallel safe as $$
declare
  instant bigint := not_before;
  size int := cardinality(places);
  first int := 1;
  last int := -1;
  total bigint := 0;
begin
  while first < size loop
    while total < most and last + 2 < size loop
      last := last + 2;
      total := total + places[last + 1];
    end loop;
    exit when total < most;
    if places[last] - places[first] < span
       and instant > places[last] - span and instant < places[first] + span then
      instant := places[first] + span;
    end if;
    total := total - places[first + 1];
    first := first + 2;
  end loop;
  return instant;
end $$;

-- One place more (1) or less (-1) at an instant; one that is forgotten already changes nothing.
create function with_place(places bigint[], instant bigint, change int) returns bigint[]
  language plpgsql immutable parallel safe as $$
declare
  there int := cardinality(places) - 1;
begin
  while there > 0 and places[there] > instant loop
    there := there - 2;
  end loop;
  if there > 0 and places[there] = instant then
    places[there + 1] := places[there + 1] + change;
    if places[there + 1] > 0 then
      return places;
    end if;
    return places[:there - 1] || places[there + 2:];
  end if;
  if change < 0 then
    return places;
  end if;
  return places[:there + 1] || array[instant, change] || places[there + 2:];
end $$;

-- Without what lies a whole span before an instant.
create function places_since(places bigint[], start bigint) returns bigint[]
  language plpgsql immutable parallel safe as $$
declare
  first int := 1;
begin
  while first < cardinality(places) and places[first] <= start loop
    first := first + 2;
  end loop;
  if first > 1 then
    return places[first:];
  end if;
  return places;
end $$;

-- A demand of a request: a window by its number among those that a call names, and the limit that holds for it.
create type place_demand as (number int, most int, window_ms bigint, margin_ms bigint);

-- A window as it is now: promised places that nobody came to are free again, what lies a whole span behind is forgotten.
create function forget_places(state rate_window, demand place_demand, now bigint) returns rate_window
  language plpgsql as $$
declare
  lapsed bigint;
begin
  state.most := demand.most;
  state.window_ms := demand.window_ms;
  state.margin_ms := demand.margin_ms;
  if state.waiting > 0 then
    for lapsed in
      delete from rate_waiting w where w.window_id = state.id and w.at < now - demand.margin_ms / 2 returning w.at
    loop
      state.places := with_place(state.places, lapsed, -1);
      state.waiting := state.waiting - 1;
    end loop;
  end if;
  state.places := places_since(
    state.places, coarse_instant(now, demand.margin_ms) - demand.window_ms - demand.margin_ms);
  return state;
end $$;

-- A window after a holder has left its line: come to its place, or given it up.
create function leave_line(state rate_window, organization uuid, holder text, gives_up boolean) returns rate_window
  language plpgsql as $$
declare
  promised bigint;
begin
  delete from rate_waiting w
   where w.window_id = state.id and w.organization_id = organization and w.holder = leave_line.holder
  returning w.at into promised;
  if promised is not null then
    state.waiting := state.waiting - 1;
    if gives_up then
      state.places := with_place(state.places, promised, -1);
    end if;
  end if;
  return state;
end $$;

-- In a window that the app shares: takes over the earliest place of another organization's whose turn is after the asking
-- one's, where the other windows have room as well. Its organization moves on by a place each, the last to `ending`.
-- Answers the place, or null. Whose turn it is: src/rate-limit/fair-queue.ts.
create function take_turn(shared bigint, asking uuid, after bigint, ending bigint,
                          others rate_window[], demands place_demand[]) returns bigint
  language plpgsql as $$
declare
  found_place record;
begin
  select line.organization_id, line.at, line.turn into found_place
    from (select w.organization_id, w.at,
                 row_number() over (partition by w.organization_id order by w.at, w.holder collate "C") as turn
            from rate_waiting w where w.window_id = shared and w.organization_id <> asking) line
   where line.at > after and line.at < ending
     and line.turn > 1 + (select count(*) from rate_waiting w where w.window_id = shared and w.organization_id = asking)
     and not exists (
       select from generate_subscripts(others, 1) n
        where line.at <> earliest_place((others[n]).places, (demands[n]).most,
                                        (demands[n]).window_ms + (demands[n]).margin_ms, line.at))
   order by line.at, line.organization_id limit 1;
  if not found then
    return null;
  end if;
  with line as (
    select w.holder, row_number() over (order by w.at, w.holder collate "C") as turn, w.at
      from rate_waiting w where w.window_id = shared and w.organization_id = found_place.organization_id
  ), place as (
    select p.at, row_number() over (order by p.at) as turn
      from (select line.at from line where line.turn <> found_place.turn union all select ending) p(at)
  )
  update rate_waiting w set at = place.at
    from line join place using (turn)
   where w.window_id = shared and w.organization_id = found_place.organization_id
     and w.holder = line.holder and w.at <> place.at;
  return found_place.at;
end $$;

-- Decides requests in their order, each about all of its windows or none.
--   owners, keys: the windows that the requests name, each once; null is the app.
--   requests: [{"organization", "holder", "demands": [{"number", "most", "window_ms", "margin_ms"}]}], numbers from 1
--   acting_for: the organization, if the API's role asks; it sees no other's rows.
--   as_of: what time it is, in epoch milliseconds; if null, the clock is read once the rows are locked.
-- Granted: `places` has one instant for each demand, `full_window` is null. Later: `places` has the one instant, and
-- `full_window` is the number of the first window that is full now.
create function acquire_places(owners uuid[], keys text[], requests jsonb, acting_for uuid, as_of bigint)
  returns table (places bigint[], full_window int, use_before bigint, decided_at bigint)
  language plpgsql as $$
declare
  -- More instants are not remembered of one window (src/rate-limit/memory/windows.ts).
  longest_log constant int := 4096;
  nobody constant uuid := '00000000-0000-0000-0000-000000000000';
  states rate_window[];
  request record;
  demand place_demand;
  promised bigint[];
  is_promised boolean;
  instant bigint;
  before bigint;
  ending bigint;
  shared int;
begin
  if acting_for is not null then
    perform set_config('app.organization_id', acting_for::text, true);
  end if;
  -- Rows are made, then locked, in one order: two callers wait for each other instead of dead-locking.
  insert into rate_window (organization_id, key, most, window_ms, margin_ms)
  select asked.organization_id, asked.key, 1, 10, 10
    from unnest(owners, keys) asked(organization_id, key)
   where not exists (
     select from rate_window w where w.owner = coalesce(asked.organization_id, nobody) and w.key = asked.key)
   order by coalesce(asked.organization_id, nobody), asked.key
  on conflict do nothing;
  states := array(
    select locked.w
      from (select w, asked.number
              from unnest(owners, keys) with ordinality asked(organization_id, key, number)
              join rate_window w on w.owner = coalesce(asked.organization_id, nobody) and w.key = asked.key
             order by w.owner, w.key
               for update of w) locked
     order by locked.number);
  if cardinality(states) <> cardinality(keys) then
    raise exception 'not all of these windows are in sight of %', current_user;
  end if;
  decided_at := coalesce(as_of, floor(extract(epoch from clock_timestamp()) * 1000)::bigint);

  for request in
    select asked.*
      from rows from (jsonb_to_recordset(requests) as (organization uuid, holder text, demands place_demand[]))
           with ordinality asked(organization, holder, demands, number)
     order by asked.number
  loop
    use_before := null;
    full_window := null;
    places := '{}';
    promised := '{}';

    foreach demand in array request.demands loop
      states[demand.number] := forget_places(states[demand.number], demand, decided_at);
      if (states[demand.number]).waiting > 0 then
        promised := promised || array(
          select w.at from rate_waiting w
           where w.window_id = (states[demand.number]).id
             and w.organization_id = request.organization and w.holder = request.holder);
      end if;
    end loop;
    -- What was promised to the holder, if it is the same instant in all windows. Otherwise (some lapsed, some moved on) it
    -- is placed anew.
    is_promised := cardinality(promised) = cardinality(request.demands) and promised[1] = all (promised);
    if cardinality(promised) > 0 and not (is_promised and promised[1] > decided_at) then
      foreach demand in array request.demands loop
        states[demand.number] := leave_line(
          states[demand.number], request.organization, request.holder, gives_up => not is_promised);
      end loop;
    end if;
    if is_promised and promised[1] <= decided_at then
      places := promised;
      use_before := promised[1] + (select min(d.margin_ms) from unnest(request.demands) d);
      return next;
      continue;
    end if;

    -- Now, if every window has a place for now.
    foreach demand in array request.demands loop
      instant := earliest_place((states[demand.number]).places, demand.most, demand.window_ms + demand.margin_ms,
                                coarse_instant(decided_at, demand.margin_ms));
      if instant > decided_at then
        full_window := coalesce(full_window, demand.number);
      end if;
      places := places || instant;
      use_before := least(use_before, instant + demand.margin_ms);
    end loop;
    if is_promised then
      full_window := coalesce(full_window, (request.demands[1]).number);
      places := promised[1:1];
      return next;
      continue;
    end if;
    if full_window is null then
      for index in 1..cardinality(places) loop
        demand := request.demands[index];
        states[demand.number].places := with_place((states[demand.number]).places, places[index], 1);
      end loop;
      return next;
      continue;
    end if;

    -- Later: at the first instant where every window has a place, or where it is this one's turn before another's.
    instant := decided_at;
    loop
      before := instant;
      foreach demand in array request.demands loop
        instant := earliest_place(
          (states[demand.number]).places, demand.most, demand.window_ms + demand.margin_ms, instant);
      end loop;
      exit when instant = before;
    end loop;
    if exists (select from unnest(request.demands) d
                where cardinality((states[d.number]).places) >= 2 * longest_log) then
      places := array[instant];
      return next;
      continue;
    end if;
    select d.number, earliest_place((states[d.number]).places, d.most, d.window_ms + d.margin_ms, decided_at)
      into shared, ending
      from unnest(request.demands) d where (states[d.number]).organization_id is null;
    if found then
      before := take_turn(
        (states[shared]).id, request.organization, decided_at, ending,
        array(select states[d.number] from unnest(request.demands) d where d.number <> shared),
        array(select d from unnest(request.demands) d where d.number <> shared));
      if before is not null then
        -- The place itself changes hands; its organization has one at the end instead.
        instant := before;
        states[shared].places := with_place(with_place((states[shared]).places, before, -1), ending, 1);
      end if;
    end if;
    foreach demand in array request.demands loop
      states[demand.number].places := with_place((states[demand.number]).places, instant, 1);
      states[demand.number].waiting := (states[demand.number]).waiting + 1;
      insert into rate_waiting (window_id, organization_id, holder, at)
      values ((states[demand.number]).id, request.organization, request.holder, instant);
    end loop;
    places := array[instant];
    return next;
  end loop;

  update rate_window w
     set most = s.most, window_ms = s.window_ms, margin_ms = s.margin_ms, places = s.places, waiting = s.waiting
    from unnest(states) s where w.id = s.id;
end $$;

-- Gives back places whose call came to nothing that the upstream counts: [{"owner": null for the app, "key", "at"}].
create function give_back_places(given jsonb, acting_for uuid) returns void
  language plpgsql as $$
declare
  place record;
begin
  if acting_for is not null then
    perform set_config('app.organization_id', acting_for::text, true);
  end if;
  for place in
    select coalesce(g.owner, '00000000-0000-0000-0000-000000000000') as owner, g.key, g.at
      from jsonb_to_recordset(given) as g(owner uuid, key text, at bigint) order by 1, 2
  loop
    update rate_window w set places = with_place(w.places, place.at, -1)
     where w.owner = place.owner and w.key = place.key;
  end loop;
end $$;

-- Takes from buckets, in the order of the requests: [{"number": which bucket, "capacity", "refill": a second, "cost"}],
-- whole tokens all of them. The other arguments are as above. The commit is not waited for: a crash may give back what was
-- taken in its last moments.
create function take_tokens(owners uuid[], keys text[], requests jsonb, acting_for uuid, as_of bigint)
  returns table (taken boolean, tokens_left bigint, after_ms bigint)
  language plpgsql as $$
declare
  nobody constant uuid := '00000000-0000-0000-0000-000000000000';
  ids bigint[];
  levels bigint[];
  instants bigint[];
  request record;
  now bigint;
  there bigint;
begin
  perform set_config('synchronous_commit', 'off', true);
  if acting_for is not null then
    perform set_config('app.organization_id', acting_for::text, true);
  end if;
  -- A bucket that nobody knew is full, whatever its capacity: this is more than any has.
  insert into rate_bucket (organization_id, key, thousandths, at)
  select asked.organization_id, asked.key, 1000000000000, 0
    from unnest(owners, keys) asked(organization_id, key)
   where not exists (
     select from rate_bucket b where b.owner = coalesce(asked.organization_id, nobody) and b.key = asked.key)
   order by coalesce(asked.organization_id, nobody), asked.key
  on conflict do nothing;
  select array_agg(locked.id order by locked.number), array_agg(locked.thousandths order by locked.number),
         array_agg(locked.at order by locked.number)
    into ids, levels, instants
    from (select b.id, b.thousandths, b.at, asked.number
            from unnest(owners, keys) with ordinality asked(organization_id, key, number)
            join rate_bucket b on b.owner = coalesce(asked.organization_id, nobody) and b.key = asked.key
           order by b.owner, b.key
             for update of b) locked;
  if cardinality(ids) is distinct from cardinality(keys) then
    raise exception 'not all of these buckets are in sight of %', current_user;
  end if;
  now := coalesce(as_of, floor(extract(epoch from clock_timestamp()) * 1000)::bigint);

  for request in
    select asked.*
      from rows from (jsonb_to_recordset(requests)
             as (number int, capacity bigint, refill bigint, cost bigint))
           with ordinality asked(number, capacity, refill, cost, turn)
     order by asked.turn
  loop
    -- A clock that was set back refills nothing.
    there := least(request.capacity * 1000, levels[request.number]
      + greatest(0, now - instants[request.number]) * request.refill);
    instants[request.number] := greatest(now, instants[request.number]);
    taken := there >= request.cost * 1000;
    after_ms := 0;
    if taken then
      there := there - request.cost * 1000;
    else
      after_ms := instants[request.number] - now
        + (request.cost * 1000 - there + request.refill - 1) / request.refill;
    end if;
    levels[request.number] := there;
    tokens_left := there / 1000;
    return next;
  end loop;

  update rate_bucket b set thousandths = s.thousandths, at = s.at
    from unnest(ids, levels, instants) s(id, thousandths, at) where b.id = s.id;
end $$;

-- A process tells that it is there and which Redis server it reaches, and hears which era it is. The era ends when its
-- server is out of somebody's reach; a new one begins with the server that all agree on, or without. A process that came
-- into an era without a server has no share of the limits until they are divided anew.
create function beat_limits(process uuid, reaches text, lease interval)
  returns table (era bigint, server text, reason text, since_ms bigint, age_ms bigint, shares int, share int)
  language plpgsql as $$
declare
  this rate_era;
  agreed text;
  live int;
  now timestamptz;
begin
  insert into rate_era (era, server, since, reason, shares) values (0, null, '-infinity', 'nobody was here yet', 0)
  on conflict do nothing;
  select * into this from rate_era for update;
  now := clock_timestamp();
  delete from rate_process p where p.seen_at < now - 4 * lease;
  insert into rate_process (id, server, seen_at) values (process, reaches, now)
  on conflict (id) do update set server = excluded.server, seen_at = excluded.seen_at;
  select count(*), case when count(distinct p.server) = 1 and count(p.server) = count(*) then min(p.server) end
    into live, agreed from rate_process p;

  this.reason := case
    when this.server is not null and reaches is null then 'Redis is out of reach of a process'
    when this.server <> reaches then 'Redis was started again, or another one answers'
    when this.server is null and agreed is not null and now > this.since + lease then 'all processes reach Redis'
    when this.server is null and now > this.since + interval '1 minute'
         and exists (select from rate_process p where p.id = process and p.share is null)
      then 'Redis is out of reach; processes have come'
  end;
  if this.reason is not null then
    update rate_era set era = rate_era.era + 1, server = agreed, since = now, reason = this.reason, shares = live;
    update rate_process p set share = numbered.share
      from (select n.id, row_number() over (order by n.id) - 1 as share from rate_process n) numbered
     where numbered.id = p.id;
  end if;
  return query
    select e.era, e.server, e.reason, floor(extract(epoch from e.since) * 1000)::bigint,
           floor(extract(epoch from now - e.since) * 1000)::bigint, e.shares, p.share
      from rate_era e, rate_process p where p.id = process;
end $$;
