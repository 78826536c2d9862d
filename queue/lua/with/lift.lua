-- lift: takes a job that is not leased out of wherever it is.
-- KEYS delayed retry dead done priority ghosts

-- An entry of a ready list stays and is counted as a ghost of its list, which lease drops when it meets
-- it: a list has no cheap removal from its middle. The job may come back in another list before that.
local function lift(job)
  local found = 0
  for _, set in ipairs({ delayed, retry, dead, done }) do
    found = found + redis.call('ZREM', set, job)
  end
  if found == 0 then redis.call('HINCRBY', ghosts, (redis.call('HGET', priority, job) or 'n') .. job, 1) end
end
