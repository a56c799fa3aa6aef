-- A worker tells of itself, and hears what it is to leave alone.
-- KEYS: workers, paused, cancelled, stream, ... ARGV: consumer, what it tells (a JSON object, not an empty one),
-- since when it wants to hear of cancelled jobs (Unix ms).
-- Returns { now in ms, {what is paused, why, ...}, {job id, when, ...}, error of the telling or '',
-- {length of the stream, ...} }:
-- a server that takes no writes lets the hearing through. One whose memory is full takes these: a
-- script that has begun to write is let through, and HDEL needs no memory.
local time = redis.call('TIME')
local paused = redis.call('HGETALL', KEYS[2])
local cancelled = redis.call('ZRANGEBYSCORE', KEYS[3], ARGV[3], '+inf', 'WITHSCORES')
local lengths = {}
for k = 4, #KEYS do lengths[#lengths + 1] = redis.call('XLEN', KEYS[k]) end
local at = string.format('{"at":%d.%03d,', time[1], math.floor(time[2] / 1000))
redis.pcall('HDEL', KEYS[1], ARGV[1])
local told = redis.pcall('HSET', KEYS[1], ARGV[1], at .. string.sub(ARGV[2], 2))
local refused = type(told) == 'table' and told.err or ''
return {time[1] * 1000 + math.floor(time[2] / 1000), paused, cancelled, refused, lengths}
