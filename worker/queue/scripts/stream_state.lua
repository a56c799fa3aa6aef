-- How streams stand at one moment, and what else operators ask first; only reads.
-- KEYS: dead letters, what is paused, then stream, outbox, stream, outbox, ... ARGV: group.
-- Returns { now in ms, dead letters, {what is paused, ...}, {stream, ...} }, each stream as { length,
-- outcomes in the outbox, id of the oldest entry never handed out or '',
-- {{consumer, entries it has, id of the oldest}, ...} }
-- An outbox of very many fields is not gone through, here where everybody waits: then how many of
-- its effects are delivered counts as an outcome, too. While Core is away there are none of those.
local EXACT_MAX = 1000
local function one(reply) return reply[1] and reply[1][1] or '' end

local function state(stream, outbox)
  local outcomes = redis.call('HLEN', outbox)
  for _, field in ipairs(outcomes <= EXACT_MAX and redis.call('HKEYS', outbox) or {}) do
    if string.sub(field, -2) == ':n' then outcomes = outcomes - 1 end
  end
  local length = redis.call('XLEN', stream)
  local groups, delivered = redis.pcall('XINFO', 'GROUPS', stream), nil
  for _, group in ipairs(groups.err and {} or groups) do
    local facts = {}
    for i = 1, #group, 2 do facts[group[i]] = group[i + 1] end
    if facts['name'] == ARGV[1] then delivered = facts['last-delivered-id'] end
  end
  if not delivered then return {length, outcomes, one(redis.call('XRANGE', stream, '-', '+', 'COUNT', 1)), {}} end
  local consumers = {}
  for _, row in ipairs(redis.call('XPENDING', stream, ARGV[1])[4] or {}) do
    local oldest = redis.call('XPENDING', stream, ARGV[1], '-', '+', 1, row[1])
    consumers[#consumers + 1] = {row[1], tonumber(row[2]), one(oldest)}
  end
  return {length, outcomes, one(redis.call('XRANGE', stream, '(' .. delivered, '+', 'COUNT', 1)), consumers}
end

local streams = {}
for k = 3, #KEYS, 2 do streams[#streams + 1] = state(KEYS[k], KEYS[k + 1]) end
local time = redis.call('TIME')
local now_ms = time[1] * 1000 + math.floor(time[2] / 1000)
return {now_ms, redis.call('XLEN', KEYS[1]), redis.call('HKEYS', KEYS[2]), streams}
