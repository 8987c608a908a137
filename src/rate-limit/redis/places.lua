-- Places of a window as the other stores keep them (src/rate-limit/sliding-window.ts): pairs of an instant, ascending, and how
-- many were given there.

local function coarse(now, margin)
  return now - now % math.max(1, math.floor(margin / 10))
end

local function earliest_place(places, most, span, from)
  local at, total, last = from, 0, -1
  for first = 1, #places, 2 do
    while total < most and last + 2 < #places do
      last = last + 2
      total = total + places[last + 1]
    end
    if total < most then break end
    if places[last] - places[first] < span and at > places[last] - span and at < places[first] + span then
      at = places[first] + span
    end
    total = total - places[first + 1]
  end
  return at
end

local function with_place(places, at, change)
  local there = #places - 1
  while there > 0 and places[there] > at do there = there - 2 end
  if there > 0 and places[there] == at then
    places[there + 1] = places[there + 1] + change
    if places[there + 1] == 0 then
      table.remove(places, there + 1)
      table.remove(places, there)
    end
  elseif change > 0 then
    table.insert(places, there + 2, at)
    table.insert(places, there + 3, change)
  end
end

local function places_since(places, start)
  local kept = {}
  for index = 1, #places, 2 do
    if places[index] > start then
      kept[#kept + 1] = places[index]
      kept[#kept + 1] = places[index + 1]
    end
  end
  return kept
end

local function read_places(key)
  local packed = redis.call('HGET', key, 'places')
  return packed and cmsgpack.unpack(packed) or {}
end

-- A server that was started again has forgotten something, or everything: it is not the one that was agreed on.
local function is_stranger(run_id)
  return not string.find(redis.call('INFO', 'server'), 'run_id:' .. run_id, 1, true)
end

local function clock(given)
  if given ~= '' then return tonumber(given) end
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
