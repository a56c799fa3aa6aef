-- Look at an entry that a blocked read has just brought: whether it is to be run now.
-- One of a paused tenant is put among those that wait for their turn, and so is not delivered yet.
-- KEYS: stream, outbox, tickets, turns, paused.
-- ARGV: group, consumer, the name that waiting entries are pending to, id.
-- Returns { outcome, delivered } for one that is to be run; nil for one that is not ours (now).
local is_paused, anything = pauses_of(KEYS[5])
local pending = redis.pcall('XPENDING', KEYS[1], ARGV[1], ARGV[4], ARGV[4], 1, ARGV[2])
if pending.err and not string.find(pending.err, 'NOGROUP', 1, true) then return pending end
if not pending[1] then return false end
local entry = anything and redis.call('XRANGE', KEYS[1], ARGV[4], ARGV[4])[1]
if entry and is_paused(field(entry[2], 'tenant')) then
  redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[3], 0, ARGV[4], 'JUSTID')
  write_tickets(KEYS[3], KEYS[4], {entry}, is_paused)
  return false
end
return redis.call('HMGET', KEYS[2], ARGV[4], ARGV[4] .. ':n')
