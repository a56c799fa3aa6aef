-- Put a dead letter back on the stream it came from, under a new entry id, with its own fields.
-- An answer that Core had refused goes back to the outbox, so that it is delivered, not paid for
-- again; the field `replayed` tells the worker to look there. Afterwards the letter is gone.
-- KEYS: dead letters, stream, outbox. ARGV: id, 'answer' to keep an answer or 'ask' to drop it.
-- Returns the new entry id, or false when the letter is gone (replayed or purged by somebody else).
local letter = redis.call('XRANGE', KEYS[1], ARGV[1], ARGV[1])
if not letter[1] then return false end
local fields, entry, outcome = letter[1][2], {KEYS[2], '*'}, nil
for i = 1, #fields, 2 do
  local name, value = fields[i], fields[i + 1]
  if name == 'dead_reason' then outcome = nil -- ours begin here: an outcome before it is forged
  elseif name == 'dead_outcome' then outcome = value
  elseif string.sub(name, 1, 5) ~= 'dead_' and name ~= 'replayed' then
    entry[#entry + 1] = name
    entry[#entry + 1] = value
  end
end
entry[#entry + 1] = 'replayed'
entry[#entry + 1] = ARGV[1]
local id = redis.call('XADD', unpack(entry))
if outcome and ARGV[2] == 'answer' then redis.call('HSET', KEYS[3], id, outcome) end
redis.call('XDEL', KEYS[1], ARGV[1])
return id
