-- Move an entry of a stream that no worker serves to the dead letters.
-- Refuses when a group exists: then a newer worker knows this job type.
-- KEYS: stream, dead letters. ARGV: group, id, how many letters to keep, field, value, ...
-- At most 2,000 fields are kept: Lua passes no more than about 8,000 arguments to one command.
-- Returns 1, or 0 when there was nothing to move.
local groups = redis.pcall('XINFO', 'GROUPS', KEYS[1])
if groups.err then return 0 end -- deleted since it was found, or no stream any more
for _, group in ipairs(groups) do
  for i = 1, #group, 2 do
    if group[i] == 'name' and group[i + 1] == ARGV[1] then return 0 end
  end
end
local entry = redis.call('XRANGE', KEYS[1], ARGV[2], ARGV[2])
if not entry[1] then return 0 end
local letter = {KEYS[2], 'MAXLEN', '~', ARGV[3], '*'}
for i = 1, math.min(#entry[1][2], 4000) do letter[#letter + 1] = entry[1][2][i] end
for i = 4, #ARGV do letter[#letter + 1] = ARGV[i] end
redis.call('XADD', unpack(letter))
redis.call('XDEL', KEYS[1], ARGV[2])
return 1
