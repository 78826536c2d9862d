#!lua flags=allow-oom
-- requeue: dead or done -> ready, as new: its counts are reset.
-- USES clock rings series ready seen
-- KEYS jobs delayed retry high ready low tokens faults dead done priority stats series wake
-- EACH id where
-- RETURNS position and code of each job refused: UNKNOWN | LIVE (neither dead nor done) | MOVED
local refused, back, entries, seen = {}, {}, {}, {}
for i, job in ipairs(id) do
  local code
  if redis.call('HEXISTS', jobs, job) == 0 then
    code = 'UNKNOWN'
  elseif moved(job, where[i]) then
    code = 'MOVED'
  elseif seen[job] or not (redis.call('ZSCORE', dead, job) or redis.call('ZSCORE', done, job)) then
    code = 'LIVE'
  else
    back[#back + 1], entries[#entries + 1], seen[job] = job, entry(now, job), true
  end
  if code then refused[#refused + 1], refused[#refused + 2] = i, code end
end
if #back == 0 then return refused end

-- writes
redis.call('HDEL', faults, unpack(back))
push('RPUSH', back, entries)
redis.call('ZREM', dead, unpack(back))
redis.call('ZREM', done, unpack(back))
count('requeue', #back)
return refused
