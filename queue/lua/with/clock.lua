-- clock: Redis's own time, the only one that decides anything.
-- KEYS

local time = redis.call('TIME')
local now_us = time[1] * 1000000 + time[2] + ARGV[1] * 1000
local now = math.floor(now_us / 1000)

-- When a delay in ms from now is over. now was rounded down and due times are compared with it, so a
-- delay counts from the next ms on: otherwise the job could run up to 1 ms early.
local function later(delay_ms)
  if tonumber(delay_ms) == 0 then return now end
  return math.ceil(now_us / 1000) + delay_ms
end

-- A due time as it comes in ARGV: a delay in ms, or '@' and an absolute one. Never before now.
local function due_time(when)
  if string.byte(when) == 64 then
    return math.max(tonumber(string.sub(when, 2)), now)
  end
  return later(when)
end
