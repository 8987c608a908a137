-- How windows stand. KEYS: the list of an owner's windows. ARGV: the run id, the time or '', the start of the names of lines
-- and of windows. Answers {'stranger'} or {now, {key, most, window, margin, {places}, {waiting, at …}} …}.
if is_stranger(ARGV[1]) then return { 'stranger' } end
local answer = { clock(ARGV[2]) }
for _, window in ipairs(redis.call('SMEMBERS', KEYS[1])) do
  local kept = redis.call('HMGET', window, 'key', 'most', 'window', 'margin')
  if kept[1] then
    local line = ARGV[4] .. string.sub(window, #ARGV[3] + 1)
    table.insert(answer, {
      kept[1], kept[2], kept[3], kept[4], read_places(window), redis.call('ZRANGE', line, 0, -1, 'WITHSCORES'),
    })
  end
end
return answer
