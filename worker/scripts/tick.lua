-- Note how many of an outcome's effects are delivered.
-- KEYS: stream, outbox. ARGV: group, consumer, id, count.
-- Returns 1, or 0 when the entry is not ours any more.
if #redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[3], ARGV[3], 1, ARGV[2]) == 0 then return 0 end
redis.call('HSET', KEYS[2], ARGV[3] .. ':n', ARGV[4])
return 1
