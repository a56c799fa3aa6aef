-- Be done with entries that are ours: acknowledge, delete, clear the outbox, tell of it.
-- XACK alone would leave the entry in memory for ever and the stream's length without meaning.
-- XACK comes before XADD, so that at maxmemory, too, work can be finished: a script that has begun
-- to write is let through.
-- KEYS: stream, outbox, events. ARGV: group, consumer, how many events to keep, id, event, id, event, ...
-- An event is its fields and values, each ended by \31; an empty one is not told.
-- Returns the ids that are not ours any more; nothing is written for those.
local mine, lost, kept, told = {}, {}, {}, {}
for i = 4, #ARGV, 2 do
  local id = ARGV[i]
  if #redis.call('XPENDING', KEYS[1], ARGV[1], id, id, 1, ARGV[2]) == 1 then
    mine[#mine + 1] = id
    kept[#kept + 1] = id
    kept[#kept + 1] = id .. ':n'
    if ARGV[i + 1] ~= '' then told[#told + 1] = ARGV[i + 1] end
  else
    lost[#lost + 1] = id
  end
end
if #mine > 0 then
  redis.call('XACK', KEYS[1], ARGV[1], unpack(mine))
  redis.call('XDEL', KEYS[1], unpack(mine))
  redis.call('HDEL', KEYS[2], unpack(kept))
end
for _, event in ipairs(told) do
  local fields = {}
  for part in string.gmatch(event, '([^\31]*)\31') do fields[#fields + 1] = part end
  redis.pcall('XADD', KEYS[3], 'MAXLEN', '~', ARGV[3], '*', unpack(fields)) -- that nobody can be told hinders no work
end
return lost
