-- Tickets: what the scripts know in common that write or take them; it stands before each.
-- An entry that waits for its turn is pending to nobody's worker but to ARGV's `waiting`, and has a
-- ticket: a member of a sorted set whose scores are all 0, so that it sorts by its bytes:
--   tenant, \31, deadline, id
-- Numbers have a letter before them that says how many digits follow, which makes them sort as
-- numbers whatever their length (an id may have 20 digits, more than Lua can count to).
-- A second set holds whose turn it is: tenants by the number of their jobs that were started, and
-- behind them all those that are paused (paused.lua).

local NO_DEADLINE = '~' -- sorts behind every letter
local TENANT_BYTES = 256
local ENTERS_BEHIND = 0.25 -- of a turn: soon, yet a stream of ever new tenants starves nobody
local AWAY = 1e15 -- a turn that never comes
local TENANTS_MAX = 100000

local function counted(digits) return string.char(64 + #digits) .. digits end

-- Days from 1970-01-01 to a day of the Gregorian calendar, whose years begin in March for that.
local function days(year, month, day)
  if month <= 2 then year, month = year - 1, month + 12 end
  local in_year = math.floor((153 * (month - 3) + 2) / 5) + day - 1
  return year * 365 + math.floor(year / 4) - math.floor(year / 100) + math.floor(year / 400) + in_year - 719468
end

-- As parse_deadline in shared/redis_streams.py: Unix seconds, or RFC 3339; here in Unix milliseconds.
-- Nil for what is neither: the worker that gets it says so. No more is looked at than a date can
-- have: the search for blanks takes a time that grows with the square of the length.
local function unix_ms(text)
  if #text > 64 then return nil end
  text = string.match(text, '^%s*(.-)%s*$')
  if string.find(text, '^%+?[%d.]+$') or string.find(text, '^%+?[%d.]+[eE][+-]?%d+$') then
    local seconds = tonumber((string.gsub(text, '^%+', '')))
    return seconds and seconds > 0 and seconds < 1e11 and math.floor(seconds * 1000 + 0.5) or nil
  end
  local year, month, day, hour, minute, second, zone =
    string.match(text, '^(%d%d%d%d)%-(%d%d)%-(%d%d)[Tt ](%d%d):(%d%d):(%d%d%.?%d*)(.+)$')
  if not year then return nil end
  local sign, hours, minutes = string.match(zone, '^([+-])(%d%d):(%d%d)$')
  if not sign and string.upper(zone) ~= 'Z' then return nil end
  local offset = sign and tonumber(sign .. (hours * 60 + minutes)) or 0
  local at = days(tonumber(year), tonumber(month), tonumber(day)) * 86400
    + hour * 3600 + (minute - offset) * 60 + tonumber(second)
  return math.floor(at * 1000 + 0.5)
end

-- Of a field that stands there twice it is the last, as for every reader that makes a map.
local function field(fields, name)
  local value = ''
  for i = 1, #fields, 2 do
    if fields[i] == name then value = fields[i + 1] end
  end
  return value
end

-- What a ticket calls a tenant: by its name, or, where that is too long or has the bytes that divide
-- tickets, by its beginning, \30 and a hash of the whole.
local function called(tenant)
  if #tenant <= TENANT_BYTES and not string.find(tenant, '[\30\31]') then return tenant end
  local beginning = string.gsub(string.sub(tenant, 1, TENANT_BYTES - 41), '[\30\31]', '')
  return beginning .. '\30' .. redis.sha1hex(tenant)
end

-- The ticket of an entry, what it calls the tenant, and its name.
local function ticket(id, fields)
  local tenant, deadline = field(fields, 'tenant'), field(fields, 'deadline')
  local at = deadline ~= '' and unix_ms(deadline)
  local due = at and counted(string.format('%.0f', math.max(at, 1))) or NO_DEADLINE
  local ms, seq = string.match(id, '^(%d+)%-(%d+)$')
  local short = called(tenant)
  return short .. '\31' .. due .. counted(ms) .. counted(seq), short, tenant
end

local function id_on(member)
  local ms, seq = string.match(member, '\31.*%u(%d+)%u(%d+)$')
  return ms and ms .. '-' .. seq
end

local function first_ticket(tickets, tenant)
  return redis.call('ZRANGEBYLEX', tickets, '[' .. tenant .. '\31', '(' .. tenant .. ' ', 'LIMIT', 0, 1)[1]
end

-- Whose turns were lost come back, all alike: somebody has deleted the set.
local function enter_all(tickets, turns)
  local from = '-'
  for _ = 1, TENANTS_MAX do
    local member = redis.call('ZRANGEBYLEX', tickets, from, '+', 'LIMIT', 0, 1)[1]
    if not member then return end
    local tenant = string.match(member, '^(.-)\31')
    if tenant then redis.call('ZADD', turns, 0, tenant) else redis.call('ZREM', tickets, member) end
    from = tenant and '[' .. tenant .. ' ' or '(' .. member
  end
end

-- Whose turn it is, and the number of that turn; nil where nobody waits.
local function first_turn(tickets, turns)
  local first = redis.call('ZRANGE', turns, 0, 0, 'WITHSCORES')
  if not first[1] then
    enter_all(tickets, turns)
    first = redis.call('ZRANGE', turns, 0, 0, 'WITHSCORES')
  end
  return first[1], tonumber(first[2])
end

-- The turn of those who come now, or come back.
local function entering(turns)
  local first = redis.call('ZRANGE', turns, 0, 0, 'WITHSCORES')
  local turn = tonumber(first[2])
  return turn and turn < AWAY and turn + ENTERS_BEHIND or 0
end

-- Write the tickets of entries = {{id, fields}, ...}; returns how many are new. Tenants of whom
-- `is_paused` says so have no turn, where they have not one already.
local function write_tickets(tickets, turns, entries, is_paused)
  first_turn(tickets, turns) -- if all have lost theirs, those who wait go first
  local enters = entering(turns)
  local members, tenants, seen = {}, {}, {}
  for _, entry in ipairs(entries) do
    local member, short, tenant = ticket(entry[1], entry[2])
    members[#members + 1] = 0
    members[#members + 1] = member
    if not seen[short] then
      seen[short] = true
      tenants[#tenants + 1] = is_paused and is_paused(tenant) and AWAY or enters
      tenants[#tenants + 1] = short
    end
  end
  redis.call('ZADD', turns, 'NX', unpack(tenants))
  return redis.call('ZADD', tickets, unpack(members))
end
