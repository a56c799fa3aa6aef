-- Write down the outcome of an entry that is ours, over an earlier one if there is one.
-- KEYS: stream, outbox. ARGV: group, consumer, id, outcome.
-- Returns 1, or 0 when the entry is not ours any more.
if #redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[3], ARGV[3], 1, ARGV[2]) == 0 then return 0 end
redis.call('HDEL', KEYS[2], ARGV[3] .. ':n')
redis.call('HSET', KEYS[2], ARGV[3], ARGV[4])
return 1
