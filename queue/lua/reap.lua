#!lua flags=allow-oom
-- reap: leased, lease run out -> ready, or dead once max_lost workers were lost with it. It decides
-- by what it reads itself, so any number of processes may call it.
-- USES clock rings series owned ready unique forget unlease
-- KEYS jobs high ready low leased tokens faults dead priority unique meta stats series wake
-- ARGV limit max_lost stall_ms grace_ms alone_after
-- RETURNS how many went to ready, how many to dead, and the wait in ms until a lease can run out (-1: none)
--   alone_after: from so many lost leases on a job runs alone, and is dead only where its handler had begun (or ten
--   times max_lost leases were lost): until then it is others that end its worker
local pass = redis.call('HMGET', meta, 'reaped', 'grace', 'spared')
local head = tonumber(redis.call('ZRANGE', leased, 0, 0, 'WITHSCORES')[2] or math.huge)
if head == math.huge then return { 0, 0, -1 } end
local reaped, grace, spared = tonumber(pass[1] or 0), tonumber(pass[2] or 0), tonumber(pass[3] or 0)
-- Nobody looked for a while, so Redis stalled or was away: live workers may speak before leases that ran
-- out since are judged. One that had run out by the last look has had its time, or would for ever be
-- spared by looks that come rarely. A grace that ends later than one from now began before the clock went
-- back.
if head <= now and now >= grace and now - reaped > tonumber(stall_ms) then
  grace, spared = now + grace_ms, reaped
end
grace = math.min(grace, now + grace_ms)
local judged = now < grace and math.min(spared, now) or now
local back, entries, buried, ended, faulty, when = {}, {}, {}, {}, {}, {}
if head <= judged then
  for _, job in ipairs(redis.call('ZRANGEBYSCORE', leased, '-inf', judged, 'LIMIT', 0, limit)) do
    local failures, losses, errors, begun, lost = counts(redis.call('HGET', faults, job))
    local held = redis.call('HGET', tokens, job) or ''
    if string.sub(held, 1, 1) == '-' or redis.call('HEXISTS', jobs, job) == 0 then
      ended[#ended + 1] = job
    else
      local ended_by_it = lost < tonumber(alone_after) or begun == '+' .. held or lost + 1 >= 10 * max_lost
      local reason = lost + 1 >= tonumber(max_lost) and ended_by_it and 'crash-loop' or '-'
      faulty[#faulty + 1], faulty[#faulty + 2] = job, failures .. ' ' .. one_more(losses) .. ' ' .. reason .. ' ' .. errors
      if reason == '-' then
        back[#back + 1], entries[#entries + 1] = job, entry(now, job)
      else
        buried[#buried + 1], when[#when + 1], when[#when + 2] = job, now, job
      end
    end
  end
end
-- writes
redis.call('HSET', meta, 'reaped', now, 'grace', grace, 'spared', spared)
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
return { #back, #buried, math.max(0, (head > spared and math.max(head, grace) or head) - now) }
