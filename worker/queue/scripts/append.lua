-- Append jobs to a stream, many in one go.
-- KEYS: stream. ARGV: for each job the number of its fields and values, then those.
-- Returns the entry ids.
local ids, at = {}, 1
while at <= #ARGV do
  local size, words = tonumber(ARGV[at]), {KEYS[1], '*'}
  for i = 1, size do words[i + 2] = ARGV[at + i] end
  ids[#ids + 1] = redis.call('XADD', unpack(words))
  at = at + size + 1
end
return ids
