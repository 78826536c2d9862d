-- entries: how often jobs are in the ready lists, for a caller who has read the lists a moment before. A list
-- grows only by what stats counts: an entry seen k from the tail is now between k and k + what came since.
-- KEYS high ready low stats

local lists = { h = high, n = ready, l = low }

-- How many entries can have come at the tails and at the heads since the counts were as given.
local function growth(tails_then, heads_then)
  local tails = 0
  for _, count in ipairs(redis.call('HMGET', stats, 'enqueue', 'promote', 'reap', 'requeue', 'audit')) do
    tails = tails + (count or 0)
  end
  return tails - tails_then, (redis.call('HGET', stats, 'release') or 0) - heads_then
end

-- Notes in spots, by its distance from the tail, each entry of a wanted job between two such distances.
local function spot(spots, wanted, list, near, far)
  if far < near then return end
  local part = redis.call('LRANGE', list, -far, -near)
  for i, item in ipairs(part) do
    local job = string.sub(item, 27)
    if wanted[job] then spots[near + #part - i] = job end
  end
end

-- Counts the entries of ids by list, from where they were seen ('n12 l3': 12th and 3rd from the tail).
local function count_entries(ids, seen, tail, head)
  local counts = {}
  for _, job in ipairs(ids) do counts[job] = { h = 0, n = 0, l = 0 } end
  for letter, list in pairs(lists) do
    local spots, size = {}, redis.call('LLEN', list)
    spot(spots, counts, list, 1, math.min(tail, size))
    spot(spots, counts, list, math.max(size - head, 0) + 1, size)
    for i in ipairs(ids) do
      for at in string.gmatch(seen[i], letter .. '(%d+)') do
        spot(spots, counts, list, tonumber(at), math.min(at + tail, size))
      end
    end
    for _, job in pairs(spots) do counts[job][letter] = counts[job][letter] + 1 end
  end
  return counts
end
