#!lua flags=allow-oom
-- reap: leased, lease run out -> ready, or dead once max_lost workers were lost with it. It decides
-- by what it reads itself, so any number of processes may call it.
-- USES clock rings series owned ready unique forget unlease
-- KEYS jobs high ready low leased tokens faults dead priority unique meta stats series wake
-- ARGV limit max_lost stall_ms grace_ms
-- RETURNS how many went to ready, how many to dead, and the wait in ms until a lease can run out (-1: none)
local pass = redis.call('HMGET', meta, 'reaped', 'grace')
local head = tonumber(redis.call('ZRANGE', leased, 0, 0, 'WITHSCORES')[2] or math.huge)
if head == math.huge then return { 0, 0, -1 } end
-- Nobody looked for a while, so Redis stalled or was away: live workers may speak before leases that
-- ran out meanwhile are judged. A grace that ends later than one from now began before the clock went back.
local stalled = head <= now and (not pass[1] or now - pass[1] > tonumber(stall_ms))
local grace = stalled and now + grace_ms or math.min(pass[2] or 0, now + grace_ms)
local back, entries, buried, ended, faulty, when = {}, {}, {}, {}, {}, {}
if head <= now and now >= grace then
  for _, job in ipairs(redis.call('ZRANGEBYSCORE', leased, '-inf', now, 'LIMIT', 0, limit)) do
    local failures, lost, errors = counts(redis.call('HGET', faults, job))
    if string.sub(redis.call('HGET', tokens, job) or '', 1, 1) == '-' or redis.call('HEXISTS', jobs, job) == 0 then
      ended[#ended + 1] = job
    else
      local reason = lost + 1 < tonumber(max_lost) and '-' or 'crash-loop'
      faulty[#faulty + 1], faulty[#faulty + 2] = job, failures .. ' ' .. lost + 1 .. ' ' .. reason .. ' ' .. errors
      if reason == '-' then
        back[#back + 1], entries[#entries + 1] = job, entry(now, job)
      else
        buried[#buried + 1], when[#when + 1], when[#when + 2] = job, now, job
      end
    end
  end
end
-- writes
redis.call('HSET', meta, 'reaped', now, 'grace', grace)
if #faulty > 0 then redis.call('HSET', faults, unpack(faulty)) end
if #buried > 0 then redis.call('ZADD', dead, unpack(when)) end
push('RPUSH', back, entries)
unlease(back, 'reap')
unlock(buried, 'done')
unlease(buried, 'bury')
forget(ended, 'gone')
unlease(ended, 'cancel')
head = tonumber(redis.call('ZRANGE', leased, 0, 0, 'WITHSCORES')[2] or math.huge)
if head == math.huge then return { #back, #buried, -1 } end
return { #back, #buried, math.max(0, math.max(head, grace) - now) }
