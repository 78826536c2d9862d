#!lua flags=allow-oom
-- snooze: leased -> delayed. The handler asks to be called later; nothing is counted against the job.
-- USES clock rings series owned ready unique forget unlease wait
-- KEYS jobs delayed high ready low leased tokens faults priority unique stats series wake tick
-- EACH id token delay_ms
-- RETURNS position and code of each job refused: LOST | CANCELLED (it was to end and is gone)
local mine, cancelled, refused = owned(id, token)

-- writes
wait_in(delayed, id, mine, delay_ms)
unlease(at(id, mine), 'snooze')
end_cancelled(id, cancelled, refused)
return refused
