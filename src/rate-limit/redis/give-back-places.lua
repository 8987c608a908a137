-- Gives back places that were given. KEYS: their windows. ARGV: the run id, then the instant of each.
if is_stranger(ARGV[1]) then return { 'stranger' } end
for index, window in ipairs(KEYS) do
  if redis.call('EXISTS', window) == 1 then
    local places = read_places(window)
    with_place(places, tonumber(ARGV[1 + index]), -1)
    redis.call('HSET', window, 'places', cmsgpack.pack(places))
  end
end
return { 'done' }
