-- Take up to `room` new entries over all streams, in the order of KEYS.
-- XREADGROUP's own COUNT is per stream, so over seven streams it would take seven times the room.
-- KEYS: streams. ARGV: group, consumer, room.
-- Returns { entries, missing }: entries = {{stream number, id, fields}, ...};
-- missing = numbers of the streams that have no group (created again by the caller).
local room = tonumber(ARGV[3])
local entries, missing = {}, {}
for i, stream in ipairs(KEYS) do
  if room <= 0 then break end
  local reply = redis.pcall('XREADGROUP', 'GROUP', ARGV[1], ARGV[2], 'COUNT', room, 'STREAMS', stream, '>')
  if reply and reply.err then
    if string.find(reply.err, 'NOGROUP', 1, true) or string.find(reply.err, 'UNBLOCKED', 1, true) then
      missing[#missing + 1] = i
    elseif #entries == 0 then
      return reply
    else
      break -- what was taken must reach the caller; the error comes back on the next turn
    end
  elseif reply then
    for _, entry in ipairs(reply[1][2]) do
      entries[#entries + 1] = {i, entry[1], entry[2]}
      room = room - 1
    end
  end
end
return {entries, missing}
