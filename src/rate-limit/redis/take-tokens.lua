-- Takes from one bucket, in thousandths of a token, as src/rate-limit/token-bucket.ts does.
--   ARGV: the run id, the time or '', capacity, refill a second, cost, how long ago an unknown bucket was empty (ms).
-- Answers {'stranger'} or {taken (1 or 0), tokens left, milliseconds until there are enough}.
if is_stranger(ARGV[1]) then return { 'stranger' } end
local now = clock(ARGV[2])
local capacity, refill, cost = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local known = redis.call('HMGET', KEYS[1], 'thousandths', 'at')
local thousandths = tonumber(known[1] or 0)
local since = tonumber(known[2] or now - tonumber(ARGV[6]))
-- A clock that was set back refills nothing.
local at = math.max(now, since)
local there = math.min(capacity * 1000, thousandths + (at - since) * refill)
local taken = there >= cost * 1000
local after = 0
if taken then there = there - cost * 1000 else after = at - now + math.ceil((cost * 1000 - there) / refill) end
redis.call('HSET', KEYS[1], 'thousandths', there, 'at', at)
redis.call('PEXPIRE', KEYS[1], math.ceil(capacity / refill * 1000) + 60000)
return { taken and 1 or 0, math.floor(there / 1000), after }
