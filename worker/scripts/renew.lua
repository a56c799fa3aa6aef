-- Renew our leases: JUSTID resets the idle time and leaves the delivery count alone.
-- KEYS: stream. ARGV: group, consumer, ids...
-- Returns the ids that are not ours any more.
local mine = {}
for _, pending in ipairs(redis.call('XPENDING', KEYS[1], ARGV[1], '-', '+', 100000, ARGV[2])) do
  mine[pending[1]] = true
end
local owned, lost = {}, {}
for i = 3, #ARGV do
  if mine[ARGV[i]] then owned[#owned + 1] = ARGV[i] else lost[#lost + 1] = ARGV[i] end
end
if #owned > 0 then
  owned[#owned + 1] = 'JUSTID'
  redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, unpack(owned))
end
return lost
