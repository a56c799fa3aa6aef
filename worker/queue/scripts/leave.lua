-- Remove a consumer, but only one with nothing pending: XGROUP DELCONSUMER drops its entries for good.
-- KEYS: stream. ARGV: group, consumer.
-- Returns 1, or 0 when it stays.
local pending = redis.pcall('XPENDING', KEYS[1], ARGV[1], '-', '+', 1, ARGV[2])
if pending.err or #pending > 0 then return 0 end
redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], ARGV[2])
return 1
