#!lua flags=allow-oom
-- ack: leased -> done (kept) or gone. The worker finished; its token proves that it holds the lease.
-- USES clock owned unique forget unlease
-- KEYS jobs leased tokens faults done priority unique marks stats
-- EACH id token keep
-- RETURNS position and LOST for each job refused
--   keep: '' or 'retain_ms mark_ms mark': how long the job stays in done, and a mark of idempotency
local mine, cancelled, refused = owned(id, token)
local acked, gone, kept, noted = at(id, mine), {}, {}, {}
for _, i in ipairs(cancelled) do
  mine[#mine + 1], acked[#acked + 1] = i, id[i]
end
for n, i in ipairs(mine) do
  local retain, mark_ms, mark = 0, 0, ''
  if keep[i] ~= '' then retain, mark_ms, mark = string.match(keep[i], '^(%d+) (%d+) (.*)$') end
  if mark ~= '' then noted[#noted + 1], noted[#noted + 2] = mark, now + mark_ms end
  if tonumber(retain) > 0 then
    kept[#kept + 1], kept[#kept + 2] = now + retain, id[i]
  else
    gone[#gone + 1] = acked[n]
  end
end

-- writes
if #kept > 0 then redis.call('ZADD', done, unpack(kept)) end
if #noted > 0 then redis.call('HSET', marks, unpack(noted)) end
forget(gone, 'done')
unlock(acked, 'done')
unlease(acked, 'ack')
return refused
