-- Some fields of a stretch of a stream, without the rest: payloads stay where they are.
-- They have to be looked through all the same, a megabyte each at worst: a call ends early rather than
-- keep everybody waiting.
-- KEYS: stream. ARGV: 'XRANGE' or 'XREVRANGE', from, to, how many entries to look at, a field and its
-- value (an empty field: every entry), fields...
-- Returns { entries looked at, bytes looked through, from where to go on, 1 when that was the end,
-- {{id, value or false, ...}, ...} }.
-- Of a field that stands there twice it is the last, as for every reader that makes a map.
local from, left = ARGV[2], tonumber(ARGV[4])
local looked, bytes, rows, ended = 0, 0, {}, 0
while left > 0 and bytes < 2097152 do
  local count = math.min(left, 10)
  local entries = redis.call(ARGV[1], KEYS[1], from, ARGV[3], 'COUNT', count)
  for _, entry in ipairs(entries) do
    local map = {}
    for i = 1, #entry[2], 2 do
      map[entry[2][i]] = entry[2][i + 1]
      bytes = bytes + #entry[2][i] + #entry[2][i + 1]
    end
    if ARGV[5] == '' or map[ARGV[5]] == ARGV[6] then
      local row = {entry[1]}
      for i = 7, #ARGV do row[#row + 1] = map[ARGV[i]] or false end
      rows[#rows + 1] = row
    end
    from = entry[1]
  end
  looked, left = looked + #entries, left - #entries
  if #entries < count then
    ended = 1
    break
  end
  from = '(' .. from
end
return {looked, bytes, from, ended, rows}
