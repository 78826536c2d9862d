-- clock: Redis's own time, the only one that decides anything.
-- KEYS

local time = redis.call('TIME')
local now_us = time[1] * 1000000 + time[2] + ARGV[1] * 1000
local now = math.floor(now_us / 1000)

-- The six bytes before an envelope: when the job was last due, in ms, big-endian.
local function stamp(ms)
  local high, low = math.floor(ms / 4294967296), ms % 4294967296
  return string.char(math.floor(high / 256) % 256, high % 256, math.floor(low / 16777216),
    math.floor(low / 65536) % 256, math.floor(low / 256) % 256, low % 256)
end

-- A due time as it comes in ARGV: a delay in ms, or '@' and an absolute one. Never before now.
local function due_time(when)
  if string.byte(when) == 64 then
    return math.max(tonumber(string.sub(when, 2)), now)
  end
  return now + when
end
