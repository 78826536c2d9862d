#!lua flags=allow-oom
-- audit_counts: what is counted is compared with what is there, and raised to the least that it can be where
-- repair is 1: jobs enqueued, leases given, the token sequence. Marks that name no time are dropped.
-- USES clock
-- KEYS jobs leased tokens marks meta stats
-- ARGV repair highest
-- EACH mark
-- RETURNS kind, count or mark, and what it is or should be, of each thing found. highest: a job whose token is to
--   be no higher than the sequence
local function sum_of(...)
  local total = 0
  for _, count in ipairs(redis.call('HMGET', stats, ...)) do total = total + (tonumber(count or 0) or 0) end
  return total
end

local reply, least, lost = {}, {}, {}
local function at_least(verb, there)
  if sum_of(verb) >= there then return end
  least[#least + 1], least[#least + 2] = verb, there
  reply[#reply + 1], reply[#reply + 2], reply[#reply + 3] = 'counter', verb, sum_of(verb) .. ', at least ' .. there
end
at_least('enqueue', redis.call('HLEN', jobs) + sum_of('cancel', 'drop', 'purge_dead', 'purge_done'))
at_least('lease', redis.call('ZCARD', leased) + sum_of('ack', 'retry', 'snooze', 'release', 'bury', 'drop', 'reap'))
local held = tonumber(string.match(redis.call('HGET', tokens, highest) or '', '^-?(%d+)$') or 0)
local drawn = tonumber(redis.call('HGET', meta, 'token') or 0) or 0
if held > drawn then
  reply[#reply + 1], reply[#reply + 2], reply[#reply + 3] = 'counter', 'token', drawn .. ', at least ' .. held
end
for _, name in ipairs(mark) do
  local till = redis.call('HGET', marks, name)
  if till and not string.match(till, '^%d+') then
    lost[#lost + 1] = name
    reply[#reply + 1], reply[#reply + 2], reply[#reply + 3] = 'mark', name, 'it names no time'
  end
end
if repair ~= '1' then return reply end

-- writes
if #least > 0 then redis.call('HSET', stats, unpack(least)) end
if held > drawn then redis.call('HSET', meta, 'token', string.format('%.0f', held)) end
if #lost > 0 then redis.call('HDEL', marks, unpack(lost)) end
return reply
