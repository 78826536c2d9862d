-- lift: takes a job that is not leased out of where it is.
-- KEYS delayed retry dead done priority ghosts

-- Where a job is: the set, or false and the ghost that its entry of a ready list would be.
local function whereabouts(job)
  for _, set in ipairs({ delayed, retry, dead, done }) do
    if redis.call('ZSCORE', set, job) then return set end
  end
  return false, (redis.call('HGET', priority, job) or 'n') .. job
end

-- An entry of a ready list stays and is counted as a ghost of its list, which lease drops when it meets
-- it: a list has no cheap removal from its middle. The job may come back in another list before that.
local function lift(job, set, ghost)
  if set then redis.call('ZREM', set, job) else redis.call('HINCRBY', ghosts, ghost, 1) end
end
