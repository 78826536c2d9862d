#!lua flags=allow-oom
-- promote: delayed or retrying, due -> ready. Any number of movers may call it at once.
-- USES clock rings series ready
-- KEYS delayed retry high ready low priority stats series wake
-- ARGV limit
-- RETURNS how many moved, and the wait in us until the next is due (-1: none waits)
local function head(set)
  return tonumber(redis.call('ZRANGE', set, 0, 0, 'WITHSCORES')[2] or math.huge)
end

local due, entries = { {}, {} }, { {}, {} }
for i, set in ipairs({ delayed, retry }) do
  if head(set) <= now then
    local part = redis.call('ZRANGEBYSCORE', set, '-inf', now, 'WITHSCORES', 'LIMIT', 0, limit)
    local score, when
    for k = 1, #part, 2 do
      if part[k + 1] ~= score then score, when = part[k + 1], entry(part[k + 1], '') end
      due[i][(k + 1) / 2], entries[i][(k + 1) / 2] = part[k], when .. part[k]
    end
  end
end

-- writes
for i, set in ipairs({ delayed, retry }) do
  if #due[i] > 0 then
    push('RPUSH', due[i], entries[i])
    redis.call('ZREMRANGEBYRANK', set, 0, #due[i] - 1)
    count('promote', #due[i], entries[i], 1)
  end
end

local next_due = math.min(head(delayed), head(retry))
if next_due == math.huge then return { #due[1] + #due[2], -1 } end
return { #due[1] + #due[2], math.max(0, next_due * 1000 - now_us) }
