-- Move an entry that is ours to the dead letters: its own fields first, then what we say of it.
-- Ours come last, so that they win when a reader makes a map of fields that a producer also used.
-- KEYS: stream, outbox, dead letters. ARGV: group, consumer, id, how many letters to keep, field, value, ...
-- At most 2,000 fields are kept: Lua passes no more than about 8,000 arguments to one command.
-- Returns 1, or 0 when the entry is not ours any more.
if #redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[3], ARGV[3], 1, ARGV[2]) == 0 then return 0 end
local entry = redis.call('XRANGE', KEYS[1], ARGV[3], ARGV[3])
local letter = {KEYS[3], 'MAXLEN', '~', ARGV[4], '*'}
if entry[1] then
  for i = 1, math.min(#entry[1][2], 4000) do letter[#letter + 1] = entry[1][2][i] end
end
for i = 5, #ARGV do letter[#letter + 1] = ARGV[i] end
redis.call('XADD', unpack(letter))
redis.call('XACK', KEYS[1], ARGV[1], ARGV[3])
redis.call('XDEL', KEYS[1], ARGV[3])
redis.call('HDEL', KEYS[2], ARGV[3], ARGV[3] .. ':n')
return 1
