-- Be done with entries that are ours: acknowledge, delete, clear the outbox, tell of it.
-- XACK alone would leave the entry in memory for ever and the stream's length without meaning.
-- XACK comes before XADD, so that at maxmemory, too, work can be finished: a script that has begun
-- to write is let through.
-- KEYS: stream, outbox, stream, outbox, ..., events.
-- ARGV: group, consumer, how many events to keep, stream number, id, event, stream number, id, event, ...
-- An event is its fields and values, each ended by \31; an empty one is not told.
-- Returns the places (from 1) of the entries that are not ours any more, as record.lua does.
local mine, lost, told = {}, {}, {}
for i = 4, #ARGV, 3 do
  local k, id = 2 * tonumber(ARGV[i]) - 1, ARGV[i + 1]
  local pending = redis.pcall('XPENDING', KEYS[k], ARGV[1], id, id, 1, ARGV[2])
  if pending.err and not string.find(pending.err, 'NOGROUP', 1, true) then return pending end
  if #pending == 1 then
    mine[k] = mine[k] or {ids = {}, kept = {}}
    local ids, kept = mine[k].ids, mine[k].kept
    ids[#ids + 1] = id
    kept[#kept + 1] = id
    kept[#kept + 1] = id .. ':n'
    if ARGV[i + 2] ~= '' then told[#told + 1] = ARGV[i + 2] end
  else
    lost[#lost + 1] = (i - 1) / 3
  end
end
for k = 1, #KEYS - 1, 2 do
  if mine[k] then
    redis.call('XACK', KEYS[k], ARGV[1], unpack(mine[k].ids))
    redis.call('XDEL', KEYS[k], unpack(mine[k].ids))
    redis.call('HDEL', KEYS[k + 1], unpack(mine[k].kept))
  end
end
for _, event in ipairs(told) do
  local fields = {}
  for part in string.gmatch(event, '([^\31]*)\31') do fields[#fields + 1] = part end
  redis.pcall('XADD', KEYS[#KEYS], 'MAXLEN', '~', ARGV[3], '*', unpack(fields)) -- that nobody can be told hinders no work
end
return lost
