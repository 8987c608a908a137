-- Releases reservations. KEYS: their windows. ARGV: the run id, then the instant of each.
-- Returns {'wrong-server'} or {'done'}.
if is_wrong_server(ARGV[1]) then return { 'wrong-server' } end
for index, window in ipairs(KEYS) do
  if redis.call('EXISTS', window) == 1 then
    local log = read_log(window)
    add_reservation(log, tonumber(ARGV[1 + index]), -1)
    redis.call('HSET', window, 'log', cmsgpack.pack(log))
  end
end
return { 'done' }
