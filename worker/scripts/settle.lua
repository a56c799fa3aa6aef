-- Be done with entries that are ours: acknowledge, delete, clear the outbox.
-- XACK alone would leave the entry in memory for ever and the stream's length without meaning.
-- KEYS: stream, outbox. ARGV: group, consumer, ids...
-- Returns the ids that are not ours any more; nothing is written for those.
local mine, lost, kept = {}, {}, {}
for i = 3, #ARGV do
  local id = ARGV[i]
  if #redis.call('XPENDING', KEYS[1], ARGV[1], id, id, 1, ARGV[2]) == 1 then
    mine[#mine + 1] = id
    kept[#kept + 1] = id
    kept[#kept + 1] = id .. ':n'
  else
    lost[#lost + 1] = id
  end
end
if #mine > 0 then
  redis.call('XACK', KEYS[1], ARGV[1], unpack(mine))
  redis.call('XDEL', KEYS[1], unpack(mine))
  redis.call('HDEL', KEYS[2], unpack(kept))
end
return lost
