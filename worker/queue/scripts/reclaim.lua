-- Take over up to `room` entries that nobody has renewed for `min_idle_ms`, with their delivery
-- count and, where a worker died after inference, the recorded outcome.
-- XPENDING IDLE filters before it counts, so live leases in front cannot starve what is behind
-- them (XAUTOCLAIM looks at ten entries per one asked for and then stops).
-- What belongs to a paused tenant, and has no outcome, waits for its turn like what is new (paused.lua).
-- KEYS: stream, outbox, tickets, turns, stream, ...; paused.
-- ARGV: group, consumer, min_idle_ms, room, not_after_ms, the name that waiting entries are pending to,
-- then for each stream 'any' or, while its jobs cannot be answered, 'answered': only those whose outcome
-- is recorded.
-- A server that was frozen runs what was queued the moment it thaws. By then every lease looks expired,
-- and its holders' renewals may be queued behind us: too late is too late (server time, Unix ms).
-- Returns { entries, ghosts, missing, more }: entries = {{stream number, id, fields, deliveries, outcome, delivered, who had it}, ...};
-- ghosts = pending entries that a trim or delete had left without content, acknowledged here;
-- more = 1 where so many belong to paused tenants that others may be behind them.
local function pending_idle(stream, look)
  local waits = redis.pcall('XPENDING', stream, ARGV[1], '-', '+', 1, ARGV[6])
  if waits.err then return waits end
  if not waits[1] then return redis.pcall('XPENDING', stream, ARGV[1], 'IDLE', ARGV[3], '-', '+', look) end
  local found = {}
  for _, consumer in ipairs(redis.call('XINFO', 'CONSUMERS', stream, ARGV[1])) do
    local name, holds = consumer[2], consumer[4]
    if #found < look and holds > 0 and name ~= ARGV[6] then
      local idle = redis.call('XPENDING', stream, ARGV[1], 'IDLE', ARGV[3], '-', '+', look - #found, name)
      for _, pending in ipairs(idle) do found[#found + 1] = pending end
    end
  end
  return found
end

local room = tonumber(ARGV[4])
local entries, ghosts, missing, more = {}, 0, {}, 0
local is_paused, anything_paused = pauses_of(KEYS[#KEYS])
for k = 1, #KEYS - 1, 4 do call_back(KEYS[#KEYS], KEYS[k], KEYS[k + 2], KEYS[k + 3]) end
local now = redis.call('TIME')
if now[1] * 1000 + now[2] / 1000 > tonumber(ARGV[5]) then return {entries, ghosts, missing, more} end
for k = 1, #KEYS - 1, 4 do
  if room <= 0 then break end
  local stream, outbox, tickets, turns = KEYS[k], KEYS[k + 1], KEYS[k + 2], KEYS[k + 3]
  local number = (k + 3) / 4
  local any = ARGV[6 + number] == 'any'
  local look = any and not anything_paused and room or math.max(room, any and 100 or 500)
  local resting = {}
  local idle = pending_idle(stream, look)
  if idle.err then
    if string.find(idle.err, 'NOGROUP', 1, true) then missing[#missing + 1] = number
    elseif #entries == 0 then return idle
    else break end
  else
    for _, pending in ipairs(idle) do
      if room <= 0 then break end
      local id = pending[1]
      local entry = redis.call('XRANGE', stream, id, id)[1]
      local rests = entry and anything_paused and is_paused(field(entry[2], 'tenant'))
      if not entry then
        redis.call('XACK', stream, ARGV[1], id)
        redis.call('HDEL', outbox, id, id .. ':n')
        ghosts = ghosts + 1
      elseif any and not rests or redis.call('HEXISTS', outbox, id) == 1 then
        local claimed = redis.call('XCLAIM', stream, ARGV[1], ARGV[2], ARGV[3], id)
        if claimed[1] then
          local kept = redis.call('HMGET', outbox, id, id .. ':n')
          entries[#entries + 1] = {number, id, claimed[1][2], tonumber(pending[4]) + 1, kept[1], kept[2], pending[2]}
          room = room - 1
        end
      elseif any then
        local count = tonumber(pending[4]) + 1
        redis.call('XCLAIM', stream, ARGV[1], ARGV[6], ARGV[3], id, 'RETRYCOUNT', count, 'JUSTID')
        resting[#resting + 1] = entry
      end
    end
    if #resting > 0 then write_tickets(tickets, turns, resting, is_paused) end
    if #resting > 0 and #idle >= look then more = 1 end
  end
end
return {entries, ghosts, missing, more}
