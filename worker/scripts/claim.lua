-- Take up to `room` new entries over all streams, in the order of KEYS.
-- XREADGROUP's own COUNT is per stream, so over seven streams it would take seven times the room.
-- New to the group need not be new to the world: a replayed dead letter brings its answer along, and
-- a group that was lost and made anew hands out what it had handed out before.
-- KEYS: stream, outbox, stream, outbox, ... ARGV: group, consumer, room.
-- Returns { entries, missing }: entries = {{stream number, id, fields, outcome, delivered}, ...};
-- missing = numbers of the streams that have no group (created again by the caller).
local room = tonumber(ARGV[3])
local entries, missing = {}, {}
for k = 1, #KEYS, 2 do
  if room <= 0 then break end
  local stream, outbox, number = KEYS[k], KEYS[k + 1], (k + 1) / 2
  local reply = redis.pcall('XREADGROUP', 'GROUP', ARGV[1], ARGV[2], 'COUNT', room, 'STREAMS', stream, '>')
  if reply and reply.err then
    if string.find(reply.err, 'NOGROUP', 1, true) or string.find(reply.err, 'UNBLOCKED', 1, true) then
      missing[#missing + 1] = number
    elseif #entries == 0 then
      return reply
    else
      break -- what was taken must reach the caller; the error comes back on the next turn
    end
  elseif reply then
    local answered = redis.call('EXISTS', outbox) == 1
    for _, entry in ipairs(reply[1][2]) do
      local kept = answered and redis.call('HMGET', outbox, entry[1], entry[1] .. ':n') or {false, false}
      entries[#entries + 1] = {number, entry[1], entry[2], kept[1], kept[2]}
      room = room - 1
    end
  end
end
return {entries, missing}
