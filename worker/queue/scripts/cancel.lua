-- Cancel jobs: what was appended under these ids up to now is not to be run.
-- The server's clock says when, as it makes the entries' ids: what is appended later, a replayed dead
-- letter for one, is later than the mark by the same clock.
-- KEYS: cancelled. ARGV: channel, job ids...
-- Returns when, in Unix ms.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
for i = 2, #ARGV do redis.call('ZADD', KEYS[1], now, ARGV[i]) end
redis.pcall('PUBLISH', ARGV[1], 'cancelled') -- who does not hear it, looks within seconds
return now
