-- Decides one request about all of its windows or none, as src/rate-limit/memory/windows.ts does.
--   KEYS: for each demand its window, its line of waiting holders, and the list of its owner's windows.
--   ARGV: the run id, the time or '', how long from now nothing gets a place, the organization, the holder, the longest log;
--         then for each demand: most, window, margin (both in ms), whether the app shares it (1), its key.
-- Answers {'stranger'}, {'granted', now, use before, place of each demand …} or {'later', now, place, which is full}.
if is_stranger(ARGV[1]) then return { 'stranger' } end
local now = clock(ARGV[2])
local not_before = tonumber(ARGV[3]) > 0 and now + tonumber(ARGV[3]) or 0
local organization, holder, longest_log = ARGV[4], ARGV[5], tonumber(ARGV[6])
local member = organization .. ' ' .. holder

local demands, shared = {}, nil
for index = 1, #KEYS / 3 do
  local given = 6 + (index - 1) * 5
  local most, window, margin = tonumber(ARGV[given + 1]), tonumber(ARGV[given + 2]), tonumber(ARGV[given + 3])
  local demand = {
    window = KEYS[3 * index - 2], line = KEYS[3 * index - 1], list = KEYS[3 * index],
    most = most, span = window + margin, window_ms = window, margin = margin, key = ARGV[given + 5],
  }
  if ARGV[given + 4] == '1' then shared = demand end
  -- Places that nobody came to are free again, and what lies a whole span behind is forgotten.
  demand.places = read_places(demand.window)
  local lapsed = redis.call('ZRANGEBYSCORE', demand.line, '-inf', '(' .. (now - math.floor(margin / 2)), 'WITHSCORES')
  for each = 1, #lapsed, 2 do
    with_place(demand.places, tonumber(lapsed[each + 1]), -1)
    redis.call('ZREM', demand.line, lapsed[each])
  end
  demand.places = places_since(demand.places, coarse(now, margin) - demand.span)
  demand.promised = tonumber(redis.call('ZSCORE', demand.line, member) or nil)
  demands[index] = demand
end

local function keep()
  for _, demand in ipairs(demands) do
    redis.call('HSET', demand.window, 'places', cmsgpack.pack(demand.places), 'key', demand.key,
      'most', demand.most, 'window', demand.window_ms, 'margin', demand.margin)
    redis.call('SADD', demand.list, demand.window)
    local last = demand.places[#demand.places - 1] or now
    local forgotten = math.max(0, last - now) + demand.span + 60000
    redis.call('PEXPIRE', demand.window, forgotten)
    redis.call('PEXPIRE', demand.line, forgotten)
    redis.call('PEXPIRE', demand.list, forgotten, 'GT')
    redis.call('PEXPIRE', demand.list, forgotten, 'NX')
  end
end

-- What was promised to the holder, if it is the same instant in all windows. Otherwise it is placed anew.
local promised = demands[1].promised
for _, demand in ipairs(demands) do
  if demand.promised ~= promised then promised = nil end
end
if not promised or promised <= now then
  for _, demand in ipairs(demands) do
    if demand.promised then
      redis.call('ZREM', demand.line, member)
      if not promised then with_place(demand.places, demand.promised, -1) end
    end
  end
end
if promised and promised <= now then
  keep()
  local answer, use_before = { 'granted', now, 0 }, math.huge
  for index, demand in ipairs(demands) do
    answer[3 + index] = promised
    use_before = math.min(use_before, promised + demand.margin)
  end
  answer[3] = use_before
  return answer
end

-- Now, if every window has a place for now.
local answer, use_before, full = { 'granted', now, 0 }, math.huge, nil
for index, demand in ipairs(demands) do
  local from = coarse(now, demand.margin)
  local at = earliest_place(demand.places, demand.most, demand.span, promised and from or math.max(from, not_before))
  if at > now then full = full or index end
  answer[3 + index] = at
  use_before = math.min(use_before, at + demand.margin)
end
if promised then
  keep()
  return { 'later', now, promised, full or 1 }
end
if not full then
  for index, demand in ipairs(demands) do with_place(demand.places, answer[3 + index], 1) end
  keep()
  answer[3] = use_before
  return answer
end

-- Later: at the first instant where every window has a place, or where it is this one's turn before another's.
local from = math.max(now, not_before)
local function common_place()
  local at, before = from, nil
  repeat
    before = at
    for _, demand in ipairs(demands) do at = earliest_place(demand.places, demand.most, demand.span, at) end
  until at == before
  return at
end
for _, demand in ipairs(demands) do
  if #demand.places >= 2 * longest_log then
    keep()
    return { 'later', now, common_place(), full }
  end
end

-- Whose turn it is in a window that organizations share: src/rate-limit/fair-queue.ts.
local function take_turn()
  local ending = earliest_place(shared.places, shared.most, shared.span, from)
  local lines, ahead, candidates = {}, 0, {}
  local waiting = redis.call('ZRANGE', shared.line, 0, -1, 'WITHSCORES')
  for each = 1, #waiting, 2 do
    local owner = string.match(waiting[each], '^%S+')
    if owner == organization then ahead = ahead + 1 end
    lines[owner] = lines[owner] or {}
    table.insert(lines[owner], { member = waiting[each], at = tonumber(waiting[each + 1]), owner = owner })
  end
  for owner, line in pairs(lines) do
    for turn, one in ipairs(line) do
      if owner ~= organization and turn > ahead + 1 and one.at > from and one.at < ending then
        table.insert(candidates, one)
      end
    end
  end
  table.sort(candidates, function(a, b)
    if a.at ~= b.at then return a.at < b.at end
    if a.owner ~= b.owner then return a.owner < b.owner end
    return a.member < b.member
  end)
  for _, taken in ipairs(candidates) do
    local fits = true
    for _, demand in ipairs(demands) do
      if demand ~= shared and earliest_place(demand.places, demand.most, demand.span, taken.at) ~= taken.at then
        fits = false
      end
    end
    if fits then
      -- The place itself changes hands; its organization has one at the end instead, and moves on by a place each.
      with_place(shared.places, taken.at, -1)
      with_place(shared.places, ending, 1)
      local line, moved = lines[taken.owner], {}
      for _, one in ipairs(line) do
        if one ~= taken then table.insert(moved, one.at) end
      end
      table.insert(moved, ending)
      table.sort(moved)
      for turn, one in ipairs(line) do redis.call('ZADD', shared.line, moved[turn], one.member) end
      return taken.at
    end
  end
  return nil
end

local at = (shared and take_turn()) or common_place()
for _, demand in ipairs(demands) do
  with_place(demand.places, at, 1)
  redis.call('ZADD', demand.line, at, member)
end
keep()
return { 'later', now, at, full }
