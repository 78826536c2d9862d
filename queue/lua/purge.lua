#!lua flags=allow-oom
-- purge: dead or done past its retention -> gone; also locks and marks whose time is over.
-- USES clock rings series unique forget
-- KEYS jobs faults dead done priority unique marks stats series
-- ARGV limit dead_age_ms dead_keep done_keep lock_cursor mark_cursor
-- RETURNS how many dead, done, locks and marks went, and the cursors to go on with for locks and marks
--   (0: once round). dead_age_ms, dead_keep and done_keep: -1 is no limit.
local function over(set, last, keep)
  local ids = redis.call('ZRANGEBYSCORE', set, '-inf', last, 'LIMIT', 0, limit)
  local surplus = tonumber(keep) < 0 and 0 or redis.call('ZCARD', set) - keep
  if surplus <= #ids then return ids end
  return redis.call('ZRANGE', set, 0, math.min(surplus, limit) - 1)
end

-- The fields of a hash, a bounded part at a time, whose time (the digits its value starts with) is over.
local function lapsed(hash, cursor)
  local part, out = redis.call('HSCAN', hash, cursor, 'COUNT', limit), {}
  for i = 1, #part[2], 2 do
    local till = tonumber(string.match(part[2][i + 1], '^(%d+)') or 0)
    if till > 0 and till <= now and #out < tonumber(limit) then out[#out + 1] = part[2][i] end
  end
  return out, part[1]
end

local old_dead = over(dead, tonumber(dead_age_ms) < 0 and '-inf' or now - dead_age_ms, dead_keep)
local old_done = over(done, now, done_keep)
local old_locks, more_locks = lapsed(unique, lock_cursor)
local old_marks, more_marks = lapsed(marks, mark_cursor)

-- writes
for set, ids in pairs({ [dead] = old_dead, [done] = old_done }) do
  forget(ids, 'gone')
  if #ids > 0 then redis.call('ZREM', set, unpack(ids)) end
end
if #old_locks > 0 then redis.call('HDEL', unique, unpack(old_locks)) end
if #old_marks > 0 then redis.call('HDEL', marks, unpack(old_marks)) end
count('purge_dead', #old_dead)
count('purge_done', #old_done)
return { #old_dead, #old_done, #old_locks, #old_marks, more_locks, more_marks }
