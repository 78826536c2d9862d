#!lua flags=allow-oom
-- bury: leased -> dead, with a reason and the last errors; reason dropped leaves nothing but a count.
-- USES clock rings series owned unique forget unlease
-- KEYS jobs leased tokens faults dead priority unique stats series
-- EACH id token failed reason errors
-- RETURNS position and code of each job refused: LOST | CANCELLED (it was to end and is gone)
local mine, cancelled, refused = owned(id, token)
local buried, dropped, faulty, when, fails, expired = {}, {}, {}, {}, 0, 0
for _, i in ipairs(mine) do
  if reason[i] == 'dropped' then
    dropped[#dropped + 1] = id[i]
  else
    local failures, losses = counts(redis.call('HGET', faults, id[i]))
    buried[#buried + 1], fails = id[i], fails + failed[i]
    if reason[i] == 'expired' then expired = expired + 1 end
    faulty[#faulty + 1] = id[i]
    faulty[#faulty + 1] = failures + failed[i] .. ' ' .. losses .. ' ' .. reason[i] .. ' ' .. errors[i]
    when[#when + 1], when[#when + 2] = now, id[i]
  end
end

-- writes
if #buried > 0 then
  redis.call('ZADD', dead, unpack(when))
  redis.call('HSET', faults, unpack(faulty))
  unlock(buried, 'done')
  unlease(buried, 'bury')
  if fails > 0 then redis.call('HINCRBY', series, 'R', fails) end
  if expired > 0 then redis.call('HINCRBY', series, 'S', expired) end
end
forget(dropped, 'done')
unlease(dropped, 'drop')
end_cancelled(id, cancelled, refused)
return refused
