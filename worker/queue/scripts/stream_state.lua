-- How a stream stands at one moment; only reads.
-- KEYS: stream, outbox. ARGV: group.
-- Returns { length, outcomes in the outbox, id of the oldest entry never handed out or '',
-- {{consumer, entries it has, id of the oldest}, ...} }
local function one(reply) return reply[1] and reply[1][1] or '' end
local outcomes = 0
for _, field in ipairs(redis.call('HKEYS', KEYS[2])) do
  if string.sub(field, -2) ~= ':n' then outcomes = outcomes + 1 end
end
local length = redis.call('XLEN', KEYS[1])
local groups, delivered = redis.pcall('XINFO', 'GROUPS', KEYS[1]), nil
for _, group in ipairs(groups.err and {} or groups) do
  local facts = {}
  for i = 1, #group, 2 do facts[group[i]] = group[i + 1] end
  if facts['name'] == ARGV[1] then delivered = facts['last-delivered-id'] end
end
if not delivered then return {length, outcomes, one(redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)), {}} end
local consumers = {}
for _, row in ipairs(redis.call('XPENDING', KEYS[1], ARGV[1])[4] or {}) do
  local oldest = redis.call('XPENDING', KEYS[1], ARGV[1], '-', '+', 1, row[1])
  consumers[#consumers + 1] = {row[1], tonumber(row[2]), one(oldest)}
end
return {length, outcomes, one(redis.call('XRANGE', KEYS[1], '(' .. delivered, '+', 'COUNT', 1)), consumers}
