-- Hand entries that are ours back: claimable at once by anybody, this delivery not counted.
-- KEYS: stream. ARGV: group, consumer, ids...
-- Returns how many were handed back.
local released = 0
for i = 3, #ARGV do
  local pending = redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[i], ARGV[i], 1, ARGV[2])
  if pending[1] then
    local before = math.max(tonumber(pending[1][4]) - 1, 0)
    redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, ARGV[i], 'IDLE', 86400000, 'RETRYCOUNT', before, 'JUSTID')
    released = released + 1
  end
end
return released
