#!lua flags=allow-oom
-- extend: leased -> leased. A worker's heartbeat for all of a shard's jobs that it runs.
-- USES clock rings series owned
-- KEYS leased tokens faults stats series
-- ARGV lease_ms begun
-- EACH id token
-- RETURNS position and code of each job to stop: LOST | CANCELLED (its lease is extended: it still ends by its token)
--   begun: 1 where handlers start now, which is noted of jobs that leases were lost with (see reap); otherwise empty
local mine, cancelled, refused = owned(id, token)

-- writes
for _, i in ipairs(cancelled) do
  refused[#refused + 1], refused[#refused + 2] = i, 'CANCELLED'
  mine[#mine + 1] = i
end
local deadlines = {}
for n, i in ipairs(mine) do deadlines[2 * n - 1], deadlines[2 * n] = now + lease_ms, id[i] end
if #mine > 0 then
  for _, i in ipairs(begun == '1' and mine or {}) do
    local failures, losses, errors, _, lost = counts(redis.call('HGET', faults, id[i]))
    if lost > 0 then redis.call('HSET', faults, id[i], failures .. ' ' .. losses .. ' +' .. token[i] .. ' ' .. errors) end
  end
  redis.call('ZADD', leased, unpack(deadlines))
  count('extend', #mine)
end
return refused
