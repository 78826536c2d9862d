#!lua flags=allow-oom
-- cancel: delayed, retrying, ready or dead -> gone. A leased job is flagged by a '-' before its token:
-- its worker is told at the next heartbeat, and it ends whatever the worker asks for. A done one goes only
-- where it was seen as done.
-- USES unique forget lift clock rings series seen
-- KEYS jobs delayed retry tokens faults dead done priority unique ghosts stats series
-- EACH id where
-- RETURNS position and code of each job not gone: UNKNOWN | RUNNING (flagged) | ENDED | MOVED
local refused, flags, gone, seen = {}, {}, {}, {}
for i, job in ipairs(id) do
  local held, code = redis.call('HGET', tokens, job), nil
  if redis.call('HEXISTS', jobs, job) == 0 or seen[job] then
    code = 'UNKNOWN'
  elseif moved(job, where[i]) then
    code = 'MOVED'
  elseif held then
    code = 'RUNNING'
    if string.sub(held, 1, 1) ~= '-' then flags[#flags + 1], flags[#flags + 2] = job, '-' .. held end
  elseif where[i] == '' and redis.call('ZSCORE', done, job) then
    code = 'ENDED'
  else
    gone[#gone + 1], seen[job] = job, true
  end
  if code then refused[#refused + 1], refused[#refused + 2] = i, code end
end

-- writes
if #flags > 0 then redis.call('HSET', tokens, unpack(flags)) end
for _, job in ipairs(gone) do lift(job, whereabouts(job)) end
forget(gone, 'gone')
count('cancel', #gone)
return refused
