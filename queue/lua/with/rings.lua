-- rings: how much the counts rose in each 10 s of the last hour, each minute of the last 48 h and each hour of
-- the last 90 days. docs/protocol.md describes the fields.
-- KEYS stats series

-- Ends the slot of 10 s that was open: what was counted in it goes into its ring. A group whose place there is
-- needed becomes one entry of the next ring, so that each count is in one place and none is lost.
local function turn(opened, slot)
  local verbs = { 'enqueue', 'promote', 'lease', 'extend', 'ack', 'retry', 'snooze', 'release', 'bury', 'drop', 'reap',
    'reschedule', 'cancel', 'requeue', 'audit', 'purge_dead', 'purge_done' }
  local rings, columns = { { 'f', 6, 61, 60000 }, { 'm', 60, 48, 3600000 }, { 'h', 24, 90, 86400000 } }, {}
  for i = 1, 19 do columns[i] = string.char(64 + i) end
  for letter in string.gmatch('abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ', '%a') do
    columns[#columns + 1], columns[#columns + 2] = 'l' .. letter, 'p' .. letter
  end
  local function parse(text)
    local sums = {}
    for column, n in string.gmatch(text or '', '(%a+)(%d+)') do sums[column] = (sums[column] or 0) + n end
    return sums
  end
  local function join(sums)
    local words = {}
    for _, column in ipairs(columns) do
      if (sums[column] or 0) > 0 then words[#words + 1] = string.format('%s%.0f', column, sums[column]) end
    end
    return table.concat(words)
  end
  local function file(level, at, text)
    local ring, per, size, length = unpack(rings[level])
    local group, place = math.floor(at / per), ring .. math.floor(at / per) % size
    local of, entries = string.match(redis.call('HGET', series, place) or '', '^(%d+):(.*)$')
    of = tonumber(of) or group
    if of > group and of * length <= now then -- the ring is past that time
      if level < 3 then file(level + 1, group, text) end
      return
    elseif of ~= group then
      if level < 3 then file(level + 1, of, join(parse(entries))) end
      entries = ''
    end
    redis.call('HSET', series, place, group .. ':' .. (entries or '') .. at % per .. text .. ';')
  end
  local before, counted, grown = parse(redis.call('HGET', series, 'base')), {}, {}
  local of_verbs, own = redis.call('HMGET', stats, unpack(verbs)), redis.call('HMGET', series, unpack(columns))
  for i, column in ipairs(columns) do
    local n = tonumber(of_verbs[i] or own[i] or 0) or 0
    counted[column], grown[column] = n, n - (before[column] or 0)
    if grown[column] < 0 then grown[column] = n end -- it began anew
  end
  local text = join(grown)
  if opened and text ~= '' then file(1, opened, text) end
  redis.call('HSET', series, 'open', slot, 'base', join(counted))
end
