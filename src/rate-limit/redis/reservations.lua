-- The log of a window, as the other stores keep it (src/rate-limit/sliding-window.ts): pairs of an instant, ascending, and the
-- number of reservations at it. This file precedes every other script.

local function round_down(now, margin)
  return now - now % math.max(1, math.floor(margin / 10))
end

local function earliest_reservation(log, max_calls, span, from)
  local at, total, last = from, 0, -1
  for first = 1, #log, 2 do
    while total < max_calls and last + 2 < #log do
      last = last + 2
      total = total + log[last + 1]
    end
    if total < max_calls then break end
    if log[last] - log[first] < span and at > log[last] - span and at < log[first] + span then
      at = log[first] + span
    end
    total = total - log[first + 1]
  end
  return at
end

local function add_reservation(log, at, change)
  local index = #log - 1
  while index > 0 and log[index] > at do index = index - 2 end
  if index > 0 and log[index] == at then
    log[index + 1] = log[index + 1] + change
    if log[index + 1] == 0 then
      table.remove(log, index + 1)
      table.remove(log, index)
    end
  elseif change > 0 then
    table.insert(log, index + 2, at)
    table.insert(log, index + 3, change)
  end
end

local function entries_after(log, start)
  local kept = {}
  for index = 1, #log, 2 do
    if log[index] > start then
      kept[#kept + 1] = log[index]
      kept[#kept + 1] = log[index + 1]
    end
  end
  return kept
end

local function read_log(key)
  local packed = redis.call('HGET', key, 'log')
  return packed and cmsgpack.unpack(packed) or {}
end

-- A server that was restarted has another run id, because it may have lost data: it is not the server of this epoch.
local function is_wrong_server(run_id)
  return not string.find(redis.call('INFO', 'server'), 'run_id:' .. run_id, 1, true)
end

local function clock(given)
  if given ~= '' then return tonumber(given) end
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
