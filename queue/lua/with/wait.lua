-- wait: a job that ran goes back to a set of waiting jobs.
-- KEYS jobs wake tick

-- Puts the jobs at positions of id into set, due after their delay, and wakes the mover for an
-- earlier due time.
local function wait_in(set, id, positions, delay_ms)
  if #positions == 0 then return end
  local first = tonumber(redis.call('ZRANGE', set, 0, 0, 'WITHSCORES')[2] or math.huge)
  local earliest, waiting, records = first, {}, {}
  for _, i in ipairs(positions) do
    local due = now + delay_ms[i]
    local record = redis.call('HGET', jobs, id[i]) or ''
    waiting[#waiting + 1], waiting[#waiting + 2] = due, id[i]
    records[#records + 1], records[#records + 2] = id[i], stamp(due) .. string.sub(record, 7)
    earliest = math.min(earliest, due)
  end
  redis.call('HSET', jobs, unpack(records))
  redis.call('ZADD', set, unpack(waiting))
  if earliest < first then signal(tick) end
end
