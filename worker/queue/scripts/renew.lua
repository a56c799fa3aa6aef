-- Renew our leases: JUSTID resets the idle time and leaves the delivery count alone.
-- What was handed back (idle for a day, see release.lua) stays so: this call may come late.
-- KEYS: stream, outbox, stream, outbox, ... (the outboxes are left alone).
-- ARGV: group, consumer, stream number, id, '', stream number, id, '', ...
-- Returns the places (from 1) of the entries that are not ours any more, as record.lua does.
local idle_ms, owned, lost = {}, {}, {}
for k = 1, #KEYS, 2 do
  local pending = redis.pcall('XPENDING', KEYS[k], ARGV[1], '-', '+', 100000, ARGV[2])
  if pending.err and not string.find(pending.err, 'NOGROUP', 1, true) then return pending end
  idle_ms[k], owned[k] = {}, {}
  for _, row in ipairs(pending) do idle_ms[k][row[1]] = tonumber(row[3]) end
end
for i = 3, #ARGV, 3 do
  local k, id = 2 * tonumber(ARGV[i]) - 1, ARGV[i + 1]
  local idle = idle_ms[k][id]
  if not idle then lost[#lost + 1] = i / 3
  elseif idle < 86400000 then owned[k][#owned[k] + 1] = id end
end
for k = 1, #KEYS, 2 do
  if #owned[k] > 0 then
    owned[k][#owned[k] + 1] = 'JUSTID'
    redis.call('XCLAIM', KEYS[k], ARGV[1], ARGV[2], 0, unpack(owned[k]))
  end
end
return lost
