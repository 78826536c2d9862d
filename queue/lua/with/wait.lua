-- wait: a job that ran goes back to a set of waiting jobs.
-- KEYS wake tick

-- Puts the jobs at positions of id into set, due after their delay, and wakes the mover for an
-- earlier due time.
local function wait_in(set, id, positions, delay_ms)
  if #positions == 0 then return end
  local first = tonumber(redis.call('ZRANGE', set, 0, 0, 'WITHSCORES')[2] or math.huge)
  local earliest, waiting = first, {}
  for _, i in ipairs(positions) do
    local due = later(delay_ms[i])
    waiting[#waiting + 1], waiting[#waiting + 2] = due, id[i]
    earliest = math.min(earliest, due)
  end
  redis.call('ZADD', set, unpack(waiting))
  if earliest < first then signal(tick) end
end
