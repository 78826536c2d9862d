#!lua flags=allow-oom
-- lease: ready -> leased. A worker takes jobs, in order of priority, each under a new, higher token.
-- USES clock rings series ready unique index meet
-- KEYS high ready low leased tokens faults priority unique ghosts meta stats series wake
-- ARGV limit lease_ms alone_after
-- RETURNS PAUSED, or OK, now in ms, the first token, 1 where jobs are left, the faults entries of those taken
--   (empty: the shard has none), and for each its ready entry. Records are read apart: Lua hashes every byte.
--   alone_after: see meet
if redis.call('HEXISTS', meta, 'paused') == 1 then return { 'PAUSED' } end
local entries, met, cut, noted = meet(tonumber(limit), tonumber(alone_after))
if #met == 0 then return { 'OK', now, 0, 0, {} } end

local haunting, slot = {}, {}
if redis.call('HLEN', ghosts) > 0 then
  for i, job in ipairs(met) do slot[i] = (i <= cut[1] and 'h' or i <= cut[1] + cut[2] and 'n' or 'l') .. job end
  haunting = redis.call('HMGET', ghosts, unpack(slot))
end
local id, reply, laid, seen, deadlines, drawn = {}, { 'OK', now, 0, 0, {} }, {}, {}, {}, {}
for i, job in ipairs(met) do
  if haunting[i] and (laid[slot[i]] or 0) < tonumber(haunting[i]) then
    laid[slot[i]] = (laid[slot[i]] or 0) + 1
  elseif not seen[job] then
    seen[job], id[#id + 1], reply[#reply + 1] = true, job, entries[i]
    if noted then reply[5][#id] = noted[job] end
  end
end

-- writes
if #id > 0 then
  reply[3] = redis.call('HINCRBY', meta, 'token', #id) - #id + 1
  local first, deadline = reply[3], string.format('%.0f', now + lease_ms)
  for i, job in ipairs(id) do
    deadlines[2 * i - 1], deadlines[2 * i] = deadline, job
    drawn[2 * i - 1], drawn[2 * i] = job, first + i - 1
  end
  index(#id)
  redis.call('ZADD', leased, unpack(deadlines))
  redis.call('HSET', tokens, unpack(drawn))
  indexed(#id)
  count('lease', #id, reply, 6)
  unlock(id, 'started')
end
for i, list in ipairs({ high, ready, low }) do
  if cut[i] > 0 then redis.call('LTRIM', list, cut[i], -1) end
end
for ghost, times in pairs(laid) do
  if redis.call('HINCRBY', ghosts, ghost, -times) < 1 then redis.call('HDEL', ghosts, ghost) end
end
if redis.call('EXISTS', high, ready, low) > 0 then
  reply[4] = 1
  signal(wake)
end
return reply
