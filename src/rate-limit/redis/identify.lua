-- Who is there, and whether it can be relied on: it takes a write, and never throws one away to make room.
-- KEYS: a name to write under. Answers the run id, and what is wrong with it or ''.
redis.call('SET', KEYS[1], '1', 'PX', 60000)
local memory = redis.call('INFO', 'memory')
local evicts = not string.find(memory, 'maxmemory:0\r', 1, true)
  and not string.find(memory, 'maxmemory_policy:noeviction', 1, true)
return {
  string.match(redis.call('INFO', 'server'), 'run_id:(%w+)'),
  evicts and 'this Redis may evict what it is to remember: set maxmemory-policy noeviction' or '',
}
