-- Some fields of a stretch of a stream, without the rest: payloads stay where they are.
-- KEYS: stream. ARGV: 'XRANGE' or 'XREVRANGE', from, to, how many entries to look at, a field and its
-- value (an empty field: every entry), fields...
-- Returns { entries looked at, id of the last one or '', {{id, value or false, ...}, ...} }.
-- Of a field that stands there twice it is the last, as for every reader that makes a map.
local entries = redis.call(ARGV[1], KEYS[1], ARGV[2], ARGV[3], 'COUNT', ARGV[4])
local rows = {}
for _, entry in ipairs(entries) do
  local map = {}
  for i = 1, #entry[2], 2 do map[entry[2][i]] = entry[2][i + 1] end
  if ARGV[5] == '' or map[ARGV[5]] == ARGV[6] then
    local row = {entry[1]}
    for i = 7, #ARGV do row[#row + 1] = map[ARGV[i]] or false end
    rows[#rows + 1] = row
  end
end
return {#entries, #entries > 0 and entries[#entries][1] or '', rows}
