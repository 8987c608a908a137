-- Consumes tokens from one bucket, in thousandths of a token, as src/rate-limit/token-bucket.ts does.
--   ARGV: the run id, the time or '', capacity, refill per second, cost, how long ago a missing bucket was empty (ms).
-- Returns {'wrong-server'} or {consumed (1 or 0), remaining tokens, milliseconds until there are enough}.
if is_wrong_server(ARGV[1]) then return { 'wrong-server' } end
local now = clock(ARGV[2])
local capacity, refill, cost = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local stored = redis.call('HMGET', KEYS[1], 'thousandths', 'at')
local thousandths = tonumber(stored[1] or 0)
local since = tonumber(stored[2] or now - tonumber(ARGV[6]))
-- A clock that was set back refills nothing.
local at = math.max(now, since)
local available = math.min(capacity * 1000, thousandths + (at - since) * refill)
local consumed = available >= cost * 1000
local after = 0
if consumed then available = available - cost * 1000 else after = at - now + math.ceil((cost * 1000 - available) / refill) end
redis.call('HSET', KEYS[1], 'thousandths', available, 'at', at)
redis.call('PEXPIRE', KEYS[1], math.ceil(capacity / refill * 1000) + 60000)
return { consumed and 1 or 0, math.floor(available / 1000), after }
