-- Renew our leases: JUSTID resets the idle time and leaves the delivery count alone.
-- What was handed back (idle for a day, see release.lua) stays so: this call may come late.
-- KEYS: stream. ARGV: group, consumer, ids...
-- Returns the ids that are not ours any more.
local idle_ms = {}
for _, pending in ipairs(redis.call('XPENDING', KEYS[1], ARGV[1], '-', '+', 100000, ARGV[2])) do
  idle_ms[pending[1]] = tonumber(pending[3])
end
local owned, lost = {}, {}
for i = 3, #ARGV do
  local idle = idle_ms[ARGV[i]]
  if not idle then lost[#lost + 1] = ARGV[i]
  elseif idle < 86400000 then owned[#owned + 1] = ARGV[i] end
end
if #owned > 0 then
  owned[#owned + 1] = 'JUSTID'
  redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, unpack(owned))
end
return lost
