-- How many entries of some tenants wait for their turn; only reads.
-- KEYS: tickets, tickets, ... ARGV: tenants.
-- Returns { all tickets there are, {how many each tenant has, in all the sets, ...} }
local all, counts = 0, {}
for _, tickets in ipairs(KEYS) do
  all = all + redis.call('ZLEXCOUNT', tickets, '-', '+')
end
for i, tenant in ipairs(ARGV) do
  local short = called(tenant)
  counts[i] = 0
  for _, tickets in ipairs(KEYS) do
    counts[i] = counts[i] + redis.call('ZLEXCOUNT', tickets, '[' .. short .. '\31', '(' .. short .. ' ')
  end
end
return {all, counts}
