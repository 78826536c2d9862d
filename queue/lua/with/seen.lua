-- seen: whether a job is still where somebody saw it.
-- KEYS delayed retry tokens dead done

local timed = { delayed = delayed, retrying = retry, dead = dead, done = done }

-- where is a state, and for those of a set a space and the job's score in ms; empty is anywhere.
local function moved(job, where)
  if where == '' then return false end
  local state, ms = string.match(where, '^(%a+) ?(%d*)$')
  local held = redis.call('HEXISTS', tokens, job) == 1
  if state == 'leased' then return not held end
  local set = timed[state]
  if set then return tonumber(redis.call('ZSCORE', set, job) or -1) ~= tonumber(ms) end
  -- Ready is being nowhere else.
  for _, other in pairs(timed) do held = held or redis.call('ZSCORE', other, job) end
  return held
end
