-- Tell what a worker uses of a server, and hear what the others do. Who is silent is forgotten.
-- KEYS: a hash, by worker, of its server's time in ms and its words. ARGV: worker, words (none: it
-- uses nothing now), milliseconds that words hold.
-- Returns the others' words.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local holds = tonumber(ARGV[3])
local heard = {}
local said = redis.call('HGETALL', KEYS[1])
for i = 1, #said, 2 do
  local at, words = string.match(said[i + 1], '^(%d+) (.*)$')
  if not at or math.abs(now - at) >= holds then redis.call('HDEL', KEYS[1], said[i])
  elseif said[i] ~= ARGV[1] then heard[#heard + 1] = words end
end
if ARGV[2] == '' then redis.call('HDEL', KEYS[1], ARGV[1])
else redis.call('HSET', KEYS[1], ARGV[1], string.format('%.0f %s', now, ARGV[2])) end
redis.call('PEXPIRE', KEYS[1], holds)
return heard
