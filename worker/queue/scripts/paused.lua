-- Paused tenants: what claim.lua, arrive.lua and reclaim.lua know in common; behind tickets.lua.
-- Their entries wait with a ticket like others whose turn it is not, and their turn is AWAY, behind
-- everybody's: to pass over a thousand of them costs a claim no more than to pass over one. Who is
-- met among the others is put away; who is not paused any more is called back by reclaim.lua.
-- Waiting entries stand in the group with the number that their next delivery will have.

-- Whether a tenant is paused, asked once of the hash; and whether anything is.
local function pauses_of(hash)
  local anything, known = redis.call('EXISTS', hash) == 1, {}
  local function is_paused(tenant)
    if not anything then return false end
    if known[tenant] == nil then known[tenant] = redis.call('HEXISTS', hash, 'tenant:' .. tenant) == 1 end
    return known[tenant]
  end
  is_paused('') -- a key of another type is told of now, before anything is changed
  return is_paused, anything
end

-- The whole name of a tenant that tickets call `short`: where that has a hash in it, any entry of
-- his knows. One that is gone does not; its ticket is thrown away when its turn comes.
local function name_of(stream, short, member)
  if not string.find(short, '\30', 1, true) then return short end
  local id = member and id_on(member)
  local entry = id and redis.call('XRANGE', stream, id, id)[1]
  return entry and field(entry[2], 'tenant') or short
end

-- Another turn for a tenant. ZREM first: a server whose memory is full lets no script begin with
-- ZADD, but one go on that has begun to write.
local function set_turn(turns, short, turn)
  redis.call('ZREM', turns, short)
  redis.call('ZADD', turns, turn, short)
end

-- Give those who were paused, and are not, a turn again: as if they came now, since a pause is no
-- way to save up turns. A thousand are asked for at once: every worker does this every few seconds.
local function call_back(hash, stream, tickets, turns)
  local away = redis.pcall('ZRANGE', turns, AWAY, '+inf', 'BYSCORE')
  if away.err or #away == 0 then return end
  local enters, fields = entering(turns), {}
  for i, short in ipairs(away) do
    local member = string.find(short, '\30', 1, true) and first_ticket(tickets, short)
    fields[i] = 'tenant:' .. name_of(stream, short, member)
  end
  for from = 1, #away, 1000 do
    local notes = redis.call('HMGET', hash, unpack(fields, from, math.min(from + 999, #away)))
    for i, note in ipairs(notes) do
      if not note then set_turn(turns, away[from + i - 1], enters) end
    end
  end
end

-- How many tickets belong to those who are away; counting ends where that is enough.
local function tickets_away(tickets, turns, enough)
  local sum = 0
  for _, short in ipairs(redis.call('ZRANGE', turns, AWAY, '+inf', 'BYSCORE')) do
    if sum >= enough then break end
    sum = sum + redis.call('ZLEXCOUNT', tickets, '[' .. short .. '\31', '(' .. short .. ' ')
  end
  return sum
end
