#!lua flags=allow-oom
-- audit_lock: locks that no time ends and that looked left behind are looked at once more, and mended where
-- repair is 1: dropped where no live job holds them, told again to the job where its record claims them.
-- USES clock
-- KEYS jobs dead done unique
-- ARGV repair
-- EACH key sum claim
-- RETURNS position and detail of each lock found. sum: the first bytes of its holder's record as it was seen
--   (another record is not judged), claim: 'scope key' of that record
local reply, dropped, told = {}, {}, {}
for i, name in ipairs(key) do
  local value = redis.call('HGET', unique, 'key:' .. name)
  local till, by = string.match(value or '', '^(%d+) (.*)$')
  local record = by and redis.call('HGET', jobs, by)
  local detail, retold
  if value and not by then
    detail = 'it cannot be read'
  elseif till == '0' and string.sub(record or '', 1, 5) == sum[i] then
    local noted = redis.call('HGET', unique, 'job:' .. by)
    if not record or redis.call('ZSCORE', dead, by) or redis.call('ZSCORE', done, by) then
      detail = 'held by ' .. by .. ', which is no live job'
    elseif string.sub(noted or '', 3) ~= name then
      detail = 'held by ' .. by .. ', which does not know of it'
      retold = not noted and string.sub(claim[i], 3) == name
    end
  end
  if detail then
    reply[#reply + 1], reply[#reply + 2] = i, detail
    if retold then
      told[#told + 1], told[#told + 2] = 'job:' .. by, claim[i]
    else
      dropped[#dropped + 1] = 'key:' .. name
    end
  end
end
if repair ~= '1' then return reply end

-- writes
if #told > 0 then redis.call('HSET', unique, unpack(told)) end
if #dropped > 0 then redis.call('HDEL', unique, unpack(dropped)) end
return reply
