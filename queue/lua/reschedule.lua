#!lua flags=allow-oom
-- reschedule: delayed or retrying -> another due time. A due time that has come stays.
-- USES clock rings series ready seen
-- KEYS jobs delayed retry high ready low leased tokens dead done priority stats series wake tick
-- EACH id when where
-- RETURNS position and code of each job refused: UNKNOWN | DUE | RUNNING | ENDED | MOVED
local refused, moves, first = {}, {}, {}
for _, set in ipairs({ delayed, retry }) do
  first[set] = tonumber(redis.call('ZRANGE', set, 0, 0, 'WITHSCORES')[2] or math.huge)
end
for i, job in ipairs(id) do
  local set, due = delayed, redis.call('ZSCORE', delayed, job)
  if not due then set, due = retry, redis.call('ZSCORE', retry, job) end
  local code
  if redis.call('HEXISTS', jobs, job) == 0 then code = 'UNKNOWN'
  elseif moved(job, where[i]) then code = 'MOVED'
  elseif due then code = tonumber(due) <= now and 'DUE' or nil
  elseif redis.call('ZSCORE', leased, job) then code = 'RUNNING'
  elseif redis.call('ZSCORE', dead, job) or redis.call('ZSCORE', done, job) then code = 'ENDED'
  else code = 'DUE' end
  if code then
    refused[#refused + 1], refused[#refused + 2] = i, code
  else
    moves[#moves + 1] = { set, job, due_time(when[i]) }
  end
end

-- writes
local sooner = false
for _, move in ipairs(moves) do
  local set, job, due = unpack(move)
  redis.call('ZADD', set, due, job)
  sooner = sooner or due < first[set]
end
if sooner then signal(tick) end
count('reschedule', #moves)
return refused
