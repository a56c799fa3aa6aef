-- Note how many of each outcome's effects are delivered.
-- KEYS: stream, outbox, stream, outbox, ...
-- ARGV: group, consumer, stream number, id, count, stream number, id, count, ...
-- HDEL comes first, as in record.lua: what is delivered must get to its end at maxmemory, too.
-- Returns the places (from 1) of the entries that are not ours any more, as record.lua does.
local lost = {}
for i = 3, #ARGV, 3 do
  local k, id = 2 * tonumber(ARGV[i]) - 1, ARGV[i + 1]
  local pending = redis.pcall('XPENDING', KEYS[k], ARGV[1], id, id, 1, ARGV[2])
  if pending.err and not string.find(pending.err, 'NOGROUP', 1, true) then return pending end
  if #pending == 1 then
    redis.call('HDEL', KEYS[k + 1], id .. ':n')
    redis.call('HSET', KEYS[k + 1], id .. ':n', ARGV[i + 2])
  else
    lost[#lost + 1] = i / 3
  end
end
return lost
