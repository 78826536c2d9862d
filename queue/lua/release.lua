#!lua flags=allow-oom
-- release: leased -> head of ready. A worker stops and gives back what it has not finished; nothing
-- is counted against the job.
-- USES clock rings series owned ready unique forget unlease
-- KEYS jobs high ready low leased tokens faults priority unique stats series wake
-- EACH id token due_ms
-- RETURNS position and code of each job refused: LOST | CANCELLED (it was to end and is gone)
local mine, cancelled, refused = owned(id, token)
local back, entries = {}, {}
for n = #mine, 1, -1 do
  back[#back + 1] = id[mine[n]]
  entries[#back] = entry(due_ms[mine[n]], id[mine[n]])
end

-- writes
push('LPUSH', back, entries)
unlease(back, 'release')
end_cancelled(id, cancelled, refused)
return refused
