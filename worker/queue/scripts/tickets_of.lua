-- How many entries of some tenants wait for their turn; only reads.
-- KEYS: tickets, tickets, ... ARGV: tenants.
-- Returns { all tickets there are, {how many each tenant has, in all the sets, ...},
-- {how many each set has of all these tenants, ...} }
local all, counts, sums = 0, {}, {}
for _, tickets in ipairs(KEYS) do
  all = all + redis.call('ZLEXCOUNT', tickets, '-', '+')
end
for i, tenant in ipairs(ARGV) do
  local short = called(tenant)
  counts[i] = 0
  for k, tickets in ipairs(KEYS) do
    local found = redis.call('ZLEXCOUNT', tickets, '[' .. short .. '\31', '(' .. short .. ' ')
    counts[i] = counts[i] + found
    sums[k] = (sums[k] or 0) + found
  end
end
return {all, counts, sums}
