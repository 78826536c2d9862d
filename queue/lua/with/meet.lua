-- meet: the entries at the heads of the ready lists that one lease may take together.
-- KEYS high ready low faults

-- How many workers were lost with a job, by its faults entry.
local function lost_with(noted) return tonumber(string.match(noted or '', '^%d+ (%d+)[@%d]* ') or 0) end

-- Up to limit entries in order of priority, how many of each list, and the faults entries by id, nil where the
-- shard has none. A job that alone_after workers were lost with comes alone: if it is what ends them, no other
-- is to end with it again and again.
local function meet(limit, alone_after)
  local entries, ids, cut = {}, {}, { 0, 0, 0 }
  for i, list in ipairs({ high, ready, low }) do
    if #ids < limit then
      local part = redis.call('LRANGE', list, 0, limit - #ids - 1)
      cut[i] = #part
      for _, item in ipairs(part) do entries[#entries + 1], ids[#ids + 1] = item, string.sub(item, 27) end
    end
  end
  if #ids == 0 or redis.call('HLEN', faults) == 0 then return entries, ids, cut end
  local noted, by_id, together = redis.call('HMGET', faults, unpack(ids)), {}, #ids
  for i = #ids, 1, -1 do
    by_id[ids[i]] = noted[i]
    if lost_with(noted[i]) >= alone_after then together = math.max(i - 1, 1) end
  end
  for i = #ids, together + 1, -1 do entries[i], ids[i] = nil, nil end
  local left = together
  for i = 1, 3 do
    cut[i] = math.min(cut[i], left)
    left = left - cut[i]
  end
  return entries, ids, cut, by_id
end
