-- Checks that the server accepts writes and never evicts keys. KEYS: a key to write.
-- Returns the run id, and a problem or ''.
redis.call('SET', KEYS[1], '1', 'PX', 60000)
local memory = redis.call('INFO', 'memory')
local evicts = not string.find(memory, 'maxmemory:0\r', 1, true)
  and not string.find(memory, 'maxmemory_policy:noeviction', 1, true)
return {
  string.match(redis.call('INFO', 'server'), 'run_id:(%w+)'),
  evicts and 'Redis may evict rate limits: set maxmemory-policy noeviction' or '',
}
