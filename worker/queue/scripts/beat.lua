-- A worker tells of itself, and hears what it is to leave alone.
-- KEYS: workers, paused, cancelled, a stream that is never there, stream, ...
-- ARGV: consumer, what it tells (a JSON object, not an empty one), since when it wants to hear of
-- cancelled jobs (Unix ms).
-- Returns { now in ms, {what is paused, why, ...}, {job id, when, ...}, why a job that is added now, or
-- the telling, is refused, or '', {length of the stream, ...} }:
-- a server that takes no writes lets the hearing through. One whose memory is full takes these: a
-- script that has begun to write is let through, and HDEL needs no memory.
local time = redis.call('TIME')
local paused = redis.call('HGETALL', KEYS[2])
local cancelled = redis.call('ZRANGEBYSCORE', KEYS[3], ARGV[3], '+inf', 'WITHSCORES')
local lengths = {}
for k = 5, #KEYS do lengths[#lengths + 1] = redis.call('XLEN', KEYS[k]) end
-- Before all other writes, or a full server would let it through.
local added = redis.pcall('XADD', KEYS[4], 'NOMKSTREAM', '*', 'a', 'b')
local at = string.format('{"at":%d.%03d,', time[1], math.floor(time[2] / 1000))
redis.pcall('HDEL', KEYS[1], ARGV[1])
local told = redis.pcall('HSET', KEYS[1], ARGV[1], at .. string.sub(ARGV[2], 2))
local refused = type(added) == 'table' and added.err or type(told) == 'table' and told.err or ''
return {time[1] * 1000 + math.floor(time[2] / 1000), paused, cancelled, refused, lengths}
