-- Move an entry that is ours to the dead letters: its own fields first, then what we say of it.
-- Ours come last, so that they win when a reader makes a map of fields that a producer also used.
-- KEYS: stream, outbox, dead letters, events. ARGV: group, consumer, id, how many letters to keep,
-- how many events to keep, event (as in settle.lua), field, value, ...
-- At most 2,000 fields are kept: Lua passes no more than about 8,000 arguments to one command.
-- Returns 1, or 0 when the entry is not ours any more.
if #redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[3], ARGV[3], 1, ARGV[2]) == 0 then return 0 end
local entry = redis.call('XRANGE', KEYS[1], ARGV[3], ARGV[3])
local letter = {KEYS[3], 'MAXLEN', '~', ARGV[4], '*'}
if entry[1] then
  for i = 1, math.min(#entry[1][2], 4000) do letter[#letter + 1] = entry[1][2][i] end
end
for i = 7, #ARGV do letter[#letter + 1] = ARGV[i] end
redis.call('XADD', unpack(letter))
redis.call('XACK', KEYS[1], ARGV[1], ARGV[3])
redis.call('XDEL', KEYS[1], ARGV[3])
redis.call('HDEL', KEYS[2], ARGV[3], ARGV[3] .. ':n')
if ARGV[6] ~= '' then
  local fields = {}
  for part in string.gmatch(ARGV[6], '([^\31]*)\31') do fields[#fields + 1] = part end
  redis.pcall('XADD', KEYS[4], 'MAXLEN', '~', ARGV[5], '*', unpack(fields)) -- that nobody can be told hinders no work
end
return 1
