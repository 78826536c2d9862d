-- mend: puts a job in order that disorder has judged.
-- KEYS leased tokens faults dead priority unique ghosts

-- keep is the set where the job stays, false for ready, nil where it has no record; lack says that its list
-- has no entry of it; entries are the ghosts that each list is to have. Places are written before others are left.
local function mend(p, grace_ms)
  local ids = { p.job }
  if p.record and p.rank == 'n' and p.noted then redis.call('HDEL', priority, p.job) end
  if p.record and p.rank ~= 'n' and p.noted ~= p.rank then redis.call('HSET', priority, p.job, p.rank) end
  if p.lack then push('RPUSH', ids, { entry(now, p.job) }) end
  if p.keep then
    local set = p.keep
    local due = set == leased and now + grace_ms or now
    if not redis.call('ZSCORE', set, p.job) then redis.call('ZADD', set, due, p.job) end
  end
  for letter, n in pairs(p.entries) do
    local ghost = letter .. p.job
    if n > 0 then redis.call('HSET', ghosts, ghost, n) else redis.call('HDEL', ghosts, ghost) end
  end
  if p.keep == dead and p.damaged then
    local noted = redis.call('HGET', faults, p.job) or '0 0 - '
    redis.call('HSET', faults, p.job, (string.gsub(noted, '^(%d+ %S+) %S+', '%1 damaged')))
    unlock(ids, 'done')
  end
  for _, set in ipairs(p.places) do
    if set and set ~= p.keep then redis.call('ZREM', set, p.job) end
  end
  if p.token and p.keep ~= leased then redis.call('HDEL', tokens, p.job) end
  if not p.record then strip(ids, 'gone') end
end
