-- Lists the windows of an owner. KEYS: the set of the owner's windows. ARGV: the run id, the time or '', the prefix of window
-- keys, the prefix of queue keys.
-- Returns {'wrong-server'} or {now, {key, max_calls, window, margin, {log}, {requester, at …}} …}.
if is_wrong_server(ARGV[1]) then return { 'wrong-server' } end
local answer = { clock(ARGV[2]) }
for _, window in ipairs(redis.call('SMEMBERS', KEYS[1])) do
  local stored = redis.call('HMGET', window, 'key', 'max_calls', 'window', 'margin')
  if stored[1] then
    local queue = ARGV[4] .. string.sub(window, #ARGV[3] + 1)
    table.insert(answer, {
      stored[1], stored[2], stored[3], stored[4], read_log(window), redis.call('ZRANGE', queue, 0, -1, 'WITHSCORES'),
    })
  end
end
return answer
