-- Take over up to `room` entries that nobody has renewed for `min_idle_ms`, with their delivery
-- count and, where a worker died after inference, the recorded outcome.
-- XPENDING IDLE filters before it counts, so live leases in front cannot starve what is behind
-- them (XAUTOCLAIM looks at ten entries per one asked for and then stops).
-- KEYS: stream, outbox, stream, outbox, ... ARGV: group, consumer, min_idle_ms, room.
-- Returns { entries, ghosts, missing }: entries = {{stream number, id, fields, deliveries, outcome, delivered}, ...};
-- ghosts = pending entries that a trim or delete had left without content, acknowledged here.
local room = tonumber(ARGV[4])
local entries, ghosts, missing = {}, 0, {}
for k = 1, #KEYS, 2 do
  if room <= 0 then break end
  local stream, outbox = KEYS[k], KEYS[k + 1]
  local number = (k + 1) / 2
  local idle = redis.pcall('XPENDING', stream, ARGV[1], 'IDLE', ARGV[3], '-', '+', room)
  if idle.err then
    if string.find(idle.err, 'NOGROUP', 1, true) then missing[#missing + 1] = number
    elseif #entries == 0 then return idle
    else break end
  else
    for _, pending in ipairs(idle) do
      local id = pending[1]
      if #redis.call('XRANGE', stream, id, id) == 0 then
        redis.call('XACK', stream, ARGV[1], id)
        redis.call('HDEL', outbox, id, id .. ':n')
        ghosts = ghosts + 1
      else
        local claimed = redis.call('XCLAIM', stream, ARGV[1], ARGV[2], ARGV[3], id)
        if claimed[1] then
          local kept = redis.call('HMGET', outbox, id, id .. ':n')
          entries[#entries + 1] = {number, id, claimed[1][2], tonumber(pending[4]) + 1, kept[1], kept[2]}
          room = room - 1
        end
      end
    end
  end
end
return {entries, ghosts, missing}
