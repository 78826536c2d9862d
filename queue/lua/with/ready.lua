-- ready: the ready lists, one for each priority, and the hints that wake who waits. An entry is when the job
-- was due and when it became ready, in ms, 13 digits each, and the id.
-- KEYS high ready low priority wake

local function entry(due, job) return string.format('%013.0f%013.0f', tonumber(due), now) .. job end

-- Leaves one token in a hint list; a second would only wake a second waiter for nothing.
local function signal(list)
  if redis.call('EXISTS', list) == 0 then redis.call('RPUSH', list, '1') end
end

-- Adds entries to one ready list at one side (RPUSH: the tail, LPUSH: the head). Where it was empty, a
-- worker may be waiting.
local function add(side, list, entries)
  if #entries > 0 and redis.call(side, list, unpack(entries)) == #entries then signal(wake) end
end

-- Adds the entries of ids to the ready lists, each by its priority.
local function push(side, ids, entries)
  if #ids == 0 then return end
  if redis.call('HLEN', priority) == 0 then return add(side, ready, entries) end
  local rank = redis.call('HMGET', priority, unpack(ids))
  local part = { h = {}, n = {}, l = {} }
  for i, item in ipairs(entries) do table.insert(part[rank[i] or 'n'], item) end
  add(side, high, part.h)
  add(side, ready, part.n)
  add(side, low, part.l)
end
