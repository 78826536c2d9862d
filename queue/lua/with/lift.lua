-- lift: takes a job that is not leased out of wherever it is.
-- KEYS delayed retry dead done ghosts

-- An entry of a ready list stays and is counted as a ghost, which lease drops when it meets it: a
-- list has no cheap removal from its middle.
local function lift(job)
  local found = 0
  for _, set in ipairs({ delayed, retry, dead, done }) do
    found = found + redis.call('ZREM', set, job)
  end
  if found == 0 then redis.call('HINCRBY', ghosts, job, 1) end
end
