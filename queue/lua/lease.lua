#!lua flags=allow-oom
-- lease: ready -> leased. A worker takes up to limit jobs, in order of priority, each under a token
-- of its own, which is higher than every one before.
-- USES clock ready unique
-- KEYS jobs high ready low leased tokens faults priority unique ghosts meta stats wake
-- ARGV limit lease_ms
-- RETURNS PAUSED, or OK, now in ms, the first token, 1 where jobs are left, the faults entries of
--   those taken (empty: no job of the shard has any), and for each: id, record
if redis.call('HEXISTS', meta, 'paused') == 1 then return { 'PAUSED' } end

local met, cut = {}, {}
for i, list in ipairs({ high, ready, low }) do
  if #met < tonumber(limit) then
    local part = redis.call('LRANGE', list, 0, limit - #met - 1)
    cut[i] = #part
    for _, job in ipairs(part) do met[#met + 1] = job end
  end
end
if #met == 0 then return { 'OK', now, 0, 0, {} } end

local haunting = redis.call('HLEN', ghosts) > 0 and redis.call('HMGET', ghosts, unpack(met)) or {}
local records = redis.call('HMGET', jobs, unpack(met))
local id, reply, laid, seen, orphans = {}, { 'OK', now, 0, 0, {} }, {}, {}, 0
for i, job in ipairs(met) do
  if (laid[job] or 0) < tonumber(haunting[i] or 0) then
    laid[job] = (laid[job] or 0) + 1
  elseif not records[i] or seen[job] then
    orphans = orphans + 1
  else
    seen[job], id[#id + 1] = true, job
    reply[#reply + 1], reply[#reply + 2] = job, records[i]
  end
end
if #id > 0 and redis.call('HLEN', faults) > 0 then reply[5] = redis.call('HMGET', faults, unpack(id)) end

-- writes
if #id > 0 then
  local last, deadlines, drawn = redis.call('HINCRBY', meta, 'token', #id), {}, {}
  reply[3] = last - #id + 1
  for i, job in ipairs(id) do
    deadlines[2 * i - 1], deadlines[2 * i] = now + lease_ms, job
    drawn[2 * i - 1], drawn[2 * i] = job, reply[3] + i - 1
  end
  redis.call('ZADD', leased, unpack(deadlines))
  redis.call('HSET', tokens, unpack(drawn))
  redis.call('HINCRBY', stats, 'lease', #id)
  unlock(id, 'started')
end
for i, list in ipairs({ high, ready, low }) do
  if (cut[i] or 0) > 0 then redis.call('LTRIM', list, cut[i], -1) end
end
for job, n in pairs(laid) do
  if redis.call('HINCRBY', ghosts, job, -n) < 1 then redis.call('HDEL', ghosts, job) end
end
if orphans > 0 then redis.call('HINCRBY', stats, 'orphan', orphans) end
if redis.call('EXISTS', high, ready, low) > 0 then
  reply[4] = 1
  signal(wake)
end
return reply
