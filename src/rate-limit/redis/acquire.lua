-- Decides one request in all of its windows or in none, as src/rate-limit/memory/windows.ts does.
--   KEYS: for each window request its window, its queue of reservations, and the set of its owner's windows.
--   ARGV: the run id, the time or '', for how long from now nothing is granted, the organization, the requester, the maximum
--         number of log entries; then for each window request: max_calls, window, margin (both in ms), 1 if the app shares it,
--         its key.
-- Returns {'wrong-server'}, {'granted', now, use before, an instant for each window …} or {'deferred', now, instant, full}, where
-- `full` is the index of the first full window.
if is_wrong_server(ARGV[1]) then return { 'wrong-server' } end
local now = clock(ARGV[2])
local not_before = tonumber(ARGV[3]) > 0 and now + tonumber(ARGV[3]) or 0
local organization, requester, max_log_entries = ARGV[4], ARGV[5], tonumber(ARGV[6])
local member = organization .. ' ' .. requester

local windows, shared = {}, nil
for index = 1, #KEYS / 3 do
  local offset = 6 + (index - 1) * 5
  local max_calls, window_ms, margin = tonumber(ARGV[offset + 1]), tonumber(ARGV[offset + 2]), tonumber(ARGV[offset + 3])
  local window = {
    name = KEYS[3 * index - 2], queue = KEYS[3 * index - 1], set = KEYS[3 * index],
    max_calls = max_calls, span = window_ms + margin, window_ms = window_ms, margin = margin, key = ARGV[offset + 5],
  }
  if ARGV[offset + 4] == '1' then shared = window end
  -- Reservations that were not claimed within their grace are free again; expired ones are dropped.
  window.log = read_log(window.name)
  local lapsed = redis.call('ZRANGEBYSCORE', window.queue, '-inf', '(' .. (now - math.floor(margin / 2)), 'WITHSCORES')
  for each = 1, #lapsed, 2 do
    add_reservation(window.log, tonumber(lapsed[each + 1]), -1)
    redis.call('ZREM', window.queue, lapsed[each])
  end
  window.log = entries_after(window.log, round_down(now, margin) - window.span)
  window.reserved = tonumber(redis.call('ZSCORE', window.queue, member) or nil)
  windows[index] = window
end

local function save()
  for _, window in ipairs(windows) do
    redis.call('HSET', window.name, 'log', cmsgpack.pack(window.log), 'key', window.key,
      'max_calls', window.max_calls, 'window', window.window_ms, 'margin', window.margin)
    redis.call('SADD', window.set, window.name)
    local last = window.log[#window.log - 1] or now
    local ttl = math.max(0, last - now) + window.span + 60000
    redis.call('PEXPIRE', window.name, ttl)
    redis.call('PEXPIRE', window.queue, ttl)
    redis.call('PEXPIRE', window.set, ttl, 'GT')
    redis.call('PEXPIRE', window.set, ttl, 'NX')
  end
end

-- The requester's reservation, if it is at the same instant in all windows; otherwise it is given up.
local reserved = windows[1].reserved
for _, window in ipairs(windows) do
  if window.reserved ~= reserved then reserved = nil end
end
if not reserved or reserved <= now then
  for _, window in ipairs(windows) do
    if window.reserved then
      redis.call('ZREM', window.queue, member)
      if not reserved then add_reservation(window.log, window.reserved, -1) end
    end
  end
end
if reserved and reserved <= now then
  save()
  local answer, use_before = { 'granted', now, 0 }, math.huge
  for index, window in ipairs(windows) do
    answer[3 + index] = reserved
    use_before = math.min(use_before, reserved + window.margin)
  end
  answer[3] = use_before
  return answer
end

-- Granted now if no window is full.
local answer, use_before, full = { 'granted', now, 0 }, math.huge, nil
for index, window in ipairs(windows) do
  local from = round_down(now, window.margin)
  local at = earliest_reservation(window.log, window.max_calls, window.span, reserved and from or math.max(from, not_before))
  if at > now then full = full or index end
  answer[3 + index] = at
  use_before = math.min(use_before, at + window.margin)
end
if reserved then
  save()
  return { 'deferred', now, reserved, full or 1 }
end
if not full then
  for index, window in ipairs(windows) do add_reservation(window.log, answer[3 + index], 1) end
  save()
  answer[3] = use_before
  return answer
end

-- Deferred: to the first instant that is free in every window, or to a reservation that is taken over from another organization.
local from = math.max(now, not_before)
local function earliest_common()
  local at, before = from, nil
  repeat
    before = at
    for _, window in ipairs(windows) do at = earliest_reservation(window.log, window.max_calls, window.span, at) end
  until at == before
  return at
end
for _, window in ipairs(windows) do
  if #window.log >= 2 * max_log_entries then
    save()
    return { 'deferred', now, earliest_common(), full }
  end
end

-- Fairness in a window that organizations share: src/rate-limit/fair-queue.ts.
local function preempt()
  local ending = earliest_reservation(shared.log, shared.max_calls, shared.span, from)
  local queues, own_length, candidates = {}, 0, {}
  local waiting = redis.call('ZRANGE', shared.queue, 0, -1, 'WITHSCORES')
  for each = 1, #waiting, 2 do
    local owner = string.match(waiting[each], '^%S+')
    if owner == organization then own_length = own_length + 1 end
    queues[owner] = queues[owner] or {}
    table.insert(queues[owner], { member = waiting[each], at = tonumber(waiting[each + 1]), owner = owner })
  end
  for owner, queue in pairs(queues) do
    for position, queued in ipairs(queue) do
      if owner ~= organization and position > own_length + 1 and queued.at > from and queued.at < ending then
        table.insert(candidates, queued)
      end
    end
  end
  table.sort(candidates, function(a, b)
    if a.at ~= b.at then return a.at < b.at end
    if a.owner ~= b.owner then return a.owner < b.owner end
    return a.member < b.member
  end)
  for _, preempted in ipairs(candidates) do
    local fits = true
    for _, window in ipairs(windows) do
      if window ~= shared
        and earliest_reservation(window.log, window.max_calls, window.span, preempted.at) ~= preempted.at then
        fits = false
      end
    end
    if fits then
      -- The reservation changes hands. Its former organization gets one at the end; its queue moves on by one each.
      add_reservation(shared.log, preempted.at, -1)
      add_reservation(shared.log, ending, 1)
      local queue, instants = queues[preempted.owner], {}
      for _, queued in ipairs(queue) do
        if queued ~= preempted then table.insert(instants, queued.at) end
      end
      table.insert(instants, ending)
      table.sort(instants)
      for position, queued in ipairs(queue) do redis.call('ZADD', shared.queue, instants[position], queued.member) end
      return preempted.at
    end
  end
  return nil
end

local at = (shared and preempt()) or earliest_common()
for _, window in ipairs(windows) do
  add_reservation(window.log, at, 1)
  redis.call('ZADD', window.queue, at, member)
end
save()
return { 'deferred', now, at, full }
