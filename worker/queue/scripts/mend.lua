-- Write again the tickets of entries that wait without one: somebody has deleted the set.
-- Nothing is done where there are as many tickets as entries; stale ones, which would hide a loss,
-- go as their turn comes.
-- KEYS: stream, outbox, tickets, turns. ARGV: group, the name that waiting entries are pending to,
-- where to begin ('-', or '(' and the id where the last call ended), how many entries to look at.
-- Returns { id where this call ended or '' when that was all, how many tickets were missing }.
local waits = 0
if #redis.call('XPENDING', KEYS[1], ARGV[1], '-', '+', 1, ARGV[2]) > 0 then
  for _, consumer in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])) do
    if consumer[2] == ARGV[2] then waits = consumer[4] end
  end
end
if waits <= redis.call('ZCARD', KEYS[3]) then return {'', 0} end
local pending = redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[3], '+', ARGV[4], ARGV[2])
local found = {}
for _, row in ipairs(pending) do
  local entry = redis.call('XRANGE', KEYS[1], row[1], row[1])[1]
  if entry then found[#found + 1] = entry
  else
    redis.call('XACK', KEYS[1], ARGV[1], row[1])
    redis.call('HDEL', KEYS[2], row[1], row[1] .. ':n')
  end
end
local mended = #found > 0 and write_tickets(KEYS[3], KEYS[4], found) or 0
return {#pending < tonumber(ARGV[4]) and '' or pending[#pending][1], mended}
