-- Write down the outcomes of entries that are ours, each over an earlier one if there is one.
-- KEYS: stream, outbox, stream, outbox, ...
-- ARGV: group, consumer, stream number, id, outcome, stream number, id, outcome, ...
-- HDEL, which frees, comes before HSET, so that at maxmemory, too, what is paid for is written down: a
-- script that has begun to write is let through.
-- Returns the places (from 1) of the entries that are not ours any more; nothing is written for those.
-- A stream without a group is one of which nothing is ours; the others are written all the same.
local lost = {}
for i = 3, #ARGV, 3 do
  local k, id = 2 * tonumber(ARGV[i]) - 1, ARGV[i + 1]
  local pending = redis.pcall('XPENDING', KEYS[k], ARGV[1], id, id, 1, ARGV[2])
  if pending.err and not string.find(pending.err, 'NOGROUP', 1, true) then return pending end
  if #pending == 1 then
    redis.call('HDEL', KEYS[k + 1], id .. ':n')
    redis.call('HSET', KEYS[k + 1], id, ARGV[i + 2])
  else
    lost[#lost + 1] = i / 3
  end
end
return lost
