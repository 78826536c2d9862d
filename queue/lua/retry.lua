#!lua flags=allow-oom
-- retry: leased -> retrying. The handler failed; the failure is counted and the job waits in retry.
-- USES clock rings series owned ready unique forget unlease wait
-- KEYS jobs retry high ready low leased tokens faults priority unique stats series wake tick
-- EACH id token delay_ms errors
-- RETURNS position and code of each job refused: LOST | CANCELLED (it was to end and is gone)
local mine, cancelled, refused = owned(id, token)
local faulty = {}
for _, i in ipairs(mine) do
  local failures, losses = counts(redis.call('HGET', faults, id[i]))
  faulty[#faulty + 1], faulty[#faulty + 2] = id[i], failures + 1 .. ' ' .. losses .. ' - ' .. errors[i]
end

-- writes
if #mine > 0 then redis.call('HSET', faults, unpack(faulty)) end
wait_in(retry, id, mine, delay_ms)
unlease(at(id, mine), 'retry')
end_cancelled(id, cancelled, refused)
return refused
