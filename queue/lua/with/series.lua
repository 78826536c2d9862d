-- series: counts, which only ever rise. rings notes by time how much.
-- KEYS stats series

local current = false

-- Counts a verb on n jobs. Of entries of a ready list, from first on, it also counts by the first letter of the
-- verb how late they are: in the part below 1 ms, in that of 1 ms, or in one of the two parts of a power of two.
local function count(verb, n, entries, first)
  if n == 0 then return end
  if not current then -- what this call counts may be the first of a slot of 10 s
    local opened, slot = tonumber(redis.call('HGET', series, 'open')), math.floor(now / 10000)
    if opened ~= slot then turn(opened, slot) end
    current = true
  end
  local due, from, parts, sub = nil, first, entries and {}, string.sub
  for i = first or 1, entries and #entries + 1 or 0 do
    local item = entries[i]
    local other = item and sub(item, 1, 13)
    if other ~= due then
      local ms = math.max(0, now - (tonumber(due) or now))
      local half, power = math.frexp(ms)
      local part = ms < 2 and ms or math.min(2 * power - (half < 0.75 and 2 or 1), 51)
      parts[part] = (parts[part] or 0) + i - from
      due, from = other, i
    end
  end
  for part, times in pairs(parts or {}) do
    local letter = string.char(part < 26 and 97 + part or 39 + part)
    if times > 0 then redis.call('HINCRBY', series, string.sub(verb, 1, 1) .. letter, times) end
  end
  return redis.call('HINCRBY', stats, verb, n)
end
