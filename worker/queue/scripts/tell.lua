-- Write events that are information only.
-- KEYS: events. ARGV: how many events to keep, event, event, ... (each as in settle.lua).
-- Returns how many were written.
for i = 2, #ARGV do
  local fields = {}
  for part in string.gmatch(ARGV[i], '([^\31]*)\31') do fields[#fields + 1] = part end
  redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[1], '*', unpack(fields))
end
return #ARGV - 1
