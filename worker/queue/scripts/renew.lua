-- Renew our leases: JUSTID resets the idle time and leaves the delivery count alone.
-- What we have handed back (release.lua) is neither renewed nor lost: this call may come late.
-- KEYS: stream, outbox, stream, outbox, ... (the outboxes are left alone).
-- ARGV: group, consumer, the name that what it has handed back is pending to,
-- stream number, id, '', stream number, id, '', ...
-- Returns the places (from 1) of the entries that are not ours any more, as record.lua does.
local is_ours, owned, lost = {}, {}, {}
for k = 1, #KEYS, 2 do
  local pending = redis.pcall('XPENDING', KEYS[k], ARGV[1], '-', '+', 100000, ARGV[2])
  if pending.err and not string.find(pending.err, 'NOGROUP', 1, true) then return pending end
  is_ours[k], owned[k] = {has_group = not pending.err}, {}
  for _, row in ipairs(pending) do is_ours[k][row[1]] = true end
end
local function is_back(k, id)
  return is_ours[k].has_group and #redis.call('XPENDING', KEYS[k], ARGV[1], id, id, 1, ARGV[3]) > 0
end
for i = 4, #ARGV, 3 do
  local k, id = 2 * tonumber(ARGV[i]) - 1, ARGV[i + 1]
  if is_ours[k][id] then owned[k][#owned[k] + 1] = id
  elseif not is_back(k, id) then lost[#lost + 1] = (i - 1) / 3 end
end
for k = 1, #KEYS, 2 do
  if #owned[k] > 0 then
    owned[k][#owned[k] + 1] = 'JUSTID'
    redis.call('XCLAIM', KEYS[k], ARGV[1], ARGV[2], 0, unpack(owned[k]))
  end
end
return lost
