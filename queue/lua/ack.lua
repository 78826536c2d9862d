#!lua flags=allow-oom
-- ack: leased -> done (kept) or gone. The worker finished; its token proves that it holds the lease.
-- USES clock rings series owned unique forget unlease
-- KEYS jobs leased tokens faults done priority unique marks stats series
-- ARGV specs
-- EACH id token
-- RETURNS position and code of each job refused: LOST
--   specs: empty where every job's is, otherwise all of them, each ended by a line feed: empty, or 'retain_ms
--   mark_ms mark', a tab and runs: how long the job stays in done, a mark of idempotency, and for a job that stays the
--   run that succeeded, before its errors
local mine, cancelled, refused = owned(id, token)
for _, i in ipairs(cancelled) do mine[#mine + 1] = i end
local acked = at(id, mine)
local gone, kept, noted, ran = acked, {}, {}, {}
if specs ~= '' then
  local keep, k = {}, 0
  for spec in string.gmatch(specs, '([^\n]*)\n') do
    k = k + 1
    keep[k] = spec
  end
  gone = {}
  for m, i in ipairs(mine) do
    local retain, mark_ms, mark, runs = string.match(keep[i], '^(%d+) (%d+) ([^\t]*)\t(.*)$')
    if mark and mark ~= '' then noted[#noted + 1], noted[#noted + 2] = mark, now + mark_ms end
    if tonumber(retain or 0) > 0 then
      local failures, losses = counts(redis.call('HGET', faults, acked[m]))
      kept[#kept + 1], kept[#kept + 2] = now + retain, acked[m]
      ran[#ran + 1], ran[#ran + 2] = acked[m], failures .. ' ' .. losses .. ' done ' .. runs
    else
      gone[#gone + 1] = acked[m]
    end
  end
end

-- writes
if #kept > 0 then
  redis.call('ZADD', done, unpack(kept))
  redis.call('HSET', faults, unpack(ran))
end
if #noted > 0 then redis.call('HSET', marks, unpack(noted)) end
forget(gone, 'done')
if #kept > 0 then unlock(acked, 'done') end
unlease(acked, 'ack')
return refused
