-- clock: Redis's own time, the only one that decides anything.
-- KEYS

local time = redis.call('TIME')
local now_us = time[1] * 1000000 + time[2] + ARGV[1] * 1000
local now = math.floor(now_us / 1000)

-- A due time as it comes in ARGV: a delay in ms, or '@' and an absolute one. Never before now.
local function due_time(when)
  if string.byte(when) == 64 then
    return math.max(tonumber(string.sub(when, 2)), now)
  end
  return now + when
end
