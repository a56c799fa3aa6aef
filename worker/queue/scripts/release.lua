-- Hand an entry that is ours back: claimable at once by anybody, this delivery not counted. It is
-- pending to a name that says who had it and that is no worker's: in nobody's hands, and counted so.
-- KEYS: stream. ARGV: group, consumer, id, the name that it is pending to from now on.
-- Returns 1, or 0 when it is not ours (any more).
local pending = redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[3], ARGV[3], 1, ARGV[2])
if not pending[1] then return 0 end
local before = math.max(tonumber(pending[1][4]) - 1, 0)
redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[4], 0, ARGV[3], 'IDLE', 86400000, 'RETRYCOUNT', before, 'JUSTID')
return 1
