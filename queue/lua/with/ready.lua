-- ready: the ready lists, one for each priority, and the hints that wake who waits. An entry is the
-- due time in ms, 13 digits, and the id.
-- KEYS high ready low priority wake

local function entry(due, job) return string.format('%013.0f', tonumber(due)) .. job end

-- Leaves one token in a hint list; a second would only wake a second waiter for nothing.
local function signal(list)
  if redis.call('EXISTS', list) == 0 then redis.call('RPUSH', list, '1') end
end

-- Adds the entries of ids to the ready lists at one side (RPUSH: the tail, LPUSH: the head), each by
-- its priority.
local function push(side, ids, entries)
  if #ids == 0 then return end
  local idle = redis.call('EXISTS', high, ready, low) == 0
  if redis.call('HLEN', priority) == 0 then
    redis.call(side, ready, unpack(entries))
  else
    local rank = redis.call('HMGET', priority, unpack(ids))
    local part = { h = {}, n = {}, l = {} }
    for i, item in ipairs(entries) do table.insert(part[rank[i] or 'n'], item) end
    if #part.h > 0 then redis.call(side, high, unpack(part.h)) end
    if #part.n > 0 then redis.call(side, ready, unpack(part.n)) end
    if #part.l > 0 then redis.call(side, low, unpack(part.l)) end
  end
  if idle then signal(wake) end
end
