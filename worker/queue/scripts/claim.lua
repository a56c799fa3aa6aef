-- Take up to `room` new entries over all streams. Whose turn it is, is asked only where more waits
-- than there is room for: then what is new is sorted first, by giving it tickets (tickets.lua), and
-- taken by them: each type's share, again and again while others leave theirs; in a type the tenants
-- in turn; of a tenant the earliest deadline. A stream by itself knows no order but of arrival.
-- What belongs to a paused tenant is sorted too, wherever it is met, and not taken (paused.lua).
-- New to the group need not be new to the world: a replayed dead letter brings its answer along, and
-- a group that was lost and made anew hands out what it had handed out before.
-- KEYS: stream, outbox, tickets, turns, stream, ... in the order of the shares; paused.
-- ARGV: group, consumer, the name that waiting entries are pending to, room (at most 1,000), how
-- many tickets a type may have (0: none, everything in the order of arrival), how many entries to
-- sort in this call, 1 to rather sort on in another call than to take before all is sorted;
-- then each stream's share of the room.
-- Returns { entries, missing, more, ghosts }: entries = {{stream number, id, fields, deliveries, outcome, delivered}, ...};
-- missing = numbers of the streams that have no group (created again by the caller); more = 1 where
-- this call has stopped early; ghosts = entries that were deleted while they waited.
local group, me, waiting = ARGV[1], ARGV[2], ARGV[3]
local room, lookahead, to_sort, patient = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6]), ARGV[7] == '1'
local AT_ONCE, BYTES_MAX, STALE_MAX = 50, 4194304, 1000
local entries, missing, more, ghosts, failure = {}, {}, 0, 0, nil
local bytes, stale, put_away = 0, 0, 0
local types = {}
local is_paused, anything_paused = pauses_of(KEYS[#KEYS])

local function failed(t, reply)
  t.closed = true
  if string.find(reply.err, 'NOGROUP', 1, true) or string.find(reply.err, 'UNBLOCKED', 1, true) then
    missing[#missing + 1] = t.number
  else
    failure = failure or reply
  end
end

local function read(t, consumer, count)
  if t.closed then return {} end
  local reply = redis.pcall('XREADGROUP', 'GROUP', group, consumer, 'COUNT', count, 'STREAMS', t.stream, '>')
  if reply and reply.err then failed(t, reply) end
  return reply and not reply.err and reply[1][2] or {}
end

local function give(t, id, fields, deliveries)
  if t.answered == nil then t.answered = redis.call('EXISTS', t.outbox) == 1 end
  local kept = t.answered and redis.call('HMGET', t.outbox, id, id .. ':n') or {false, false}
  entries[#entries + 1] = {t.number, id, fields, deliveries, kept[1], kept[2]}
  room = room - 1
end

local function sort_in(t, new)
  t.cards = t.cards + write_tickets(t.tickets, t.turns, new, is_paused)
  to_sort = to_sort - #new
  for _, entry in ipairs(new) do
    if t.away and is_paused(field(entry[2], 'tenant')) then t.away = t.away + 1 end
    for _, part in ipairs(entry[2]) do bytes = bytes + #part end
  end
end

local function may_sort() return to_sort > 0 and bytes <= BYTES_MAX end

-- Give tickets to what this call has read for itself.
local function put_back(t, mine)
  if #mine == 0 then return end
  local ids = {}
  for _, entry in ipairs(mine) do ids[#ids + 1] = entry[1] end
  ids[#ids + 1] = 'JUSTID'
  redis.call('XCLAIM', t.stream, group, waiting, 0, unpack(ids))
  sort_in(t, mine)
end

-- What is new, for ourselves; without what belongs to paused tenants.
local function read_mine(t, count)
  local mine = {}
  while #mine < count and not t.dry and may_sort() do
    local asked, others = count - #mine, {}
    local new = read(t, me, asked)
    t.dry = #new < asked
    for _, entry in ipairs(new) do
      local side = anything_paused and is_paused(field(entry[2], 'tenant')) and others or mine
      side[#side + 1] = entry
    end
    put_back(t, others)
  end
  return mine
end

-- How many more tickets there may be. Those of paused tenants do not count, or their jobs would
-- keep the others' out for as long as they wait.
local function free_tickets(t)
  if t.cards < lookahead or not anything_paused then return lookahead - t.cards end
  t.away = t.away or tickets_away(t.tickets, t.turns, t.cards - lookahead + to_sort)
  return lookahead - t.cards + t.away
end

-- Give tickets to what is new, with what this call has read for itself before it saw how much there is.
local function sort(t)
  put_back(t, t.fresh)
  while not t.dry and lookahead > 0 and free_tickets(t) > 0 do
    if not may_sort() then more = 1 return end
    local asked = math.min(AT_ONCE, to_sort, free_tickets(t))
    local new = read(t, waiting, asked)
    if #new > 0 then sort_in(t, new) end
    t.dry = #new < asked
  end
end

-- Make a waiting entry ours; nil where its ticket was stale: it was settled, deleted, or is in
-- somebody's hands, because the group was made anew and handed it out again.
local function take_over(t, id)
  local pending = id and redis.pcall('XPENDING', t.stream, group, id, id, 1, waiting) or {}
  if pending.err then failed(t, pending) return nil end
  if not pending[1] then return nil end
  local deliveries = math.max(tonumber(pending[1][4]), 1)
  local entry = redis.call('XCLAIM', t.stream, group, me, 0, id, 'RETRYCOUNT', deliveries)[1]
  if entry then return entry, deliveries end
  redis.call('XACK', t.stream, group, id) -- 6.2 leaves what was deleted pending
  redis.call('HDEL', t.outbox, id, id .. ':n')
  ghosts = ghosts + 1
end

local function take_first(t)
  local tenant, turn = first_turn(t.tickets, t.turns)
  if not tenant then
    t.cards = 0
    return false
  end
  local member = first_ticket(t.tickets, tenant)
  if not member then
    redis.call('ZREM', t.turns, tenant) -- its last job has run, and it has kept its place until now
    return false
  end
  if anything_paused and turn >= AWAY then
    t.rests = true -- there are none but paused ones
    return false
  end
  if anything_paused and is_paused(name_of(t.stream, tenant, member)) then
    set_turn(t.turns, tenant, AWAY)
    put_away = put_away + 1
    return false
  end
  local id = id_on(member)
  local entry, deliveries = take_over(t, id)
  if t.closed then return false end
  redis.call('ZREM', t.tickets, member)
  t.cards = t.cards - 1
  if not entry then return false end
  redis.call('ZADD', t.turns, turn + 1, tenant)
  give(t, id, entry[2], deliveries)
  return true
end

local function take(t, count)
  count = math.min(count, room)
  local had = t.cards
  while count > 0 and t.cards > 0 and not t.closed and not t.rests do
    if stale > STALE_MAX then more = 1 return end
    if take_first(t) then count = count - 1 else stale = stale + 1 end
  end
  if had > 0 and t.cards == 0 then redis.call('DEL', t.turns) end
  if lookahead == 0 and count > 0 and not t.dry then
    local mine = read_mine(t, count)
    if #mine < count and not t.dry then more = 1 end
    for _, entry in ipairs(mine) do give(t, entry[1], entry[2], 1) end
  end
end

-- Each type's share, or one of each where shares are less; whether another round may bring more.
local function take_round(least)
  local before = room
  for _, t in ipairs(types) do take(t, math.max(t.share, least)) end
  return room > 0 and room < before
end

-- Whether anybody waits whose turn may come.
local function is_waited_for(t)
  if t.cards == 0 or not anything_paused then return t.cards > 0 end
  local first = redis.call('ZRANGE', t.turns, 0, 0, 'WITHSCORES')
  return not first[1] or tonumber(first[2]) < AWAY
end

local new, crowded = 0, lookahead == 0
for k = 1, #KEYS - 1, 4 do
  local t = {stream = KEYS[k], outbox = KEYS[k + 1], tickets = KEYS[k + 2], turns = KEYS[k + 3], fresh = {}}
  t.number = (k + 3) / 4
  t.share = tonumber(ARGV[7 + t.number])
  types[t.number] = t
  t.cards = redis.pcall('ZCARD', t.tickets)
  if type(t.cards) == 'table' then
    failed(t, t.cards)
    t.cards = 0
  end
  crowded = crowded or is_waited_for(t)
  if not crowded then
    t.fresh = read_mine(t, room - new + 1)
    new = new + #t.fresh
    crowded = not t.dry
  end
end

if crowded then
  for _, t in ipairs(types) do sort(t) end
  if more == 1 and patient then return {entries, missing, more, ghosts} end
  take_round(0)
  while take_round(1) do end
else
  for _, t in ipairs(types) do
    for _, entry in ipairs(t.fresh) do give(t, entry[1], entry[2], 1) end
  end
end
if put_away > 0 and #entries == 0 then more = 1 end -- their tickets count no more: there is room to sort
if failure and #entries == 0 then return failure end -- else what was taken must reach the caller first
return {entries, missing, more, ghosts}
