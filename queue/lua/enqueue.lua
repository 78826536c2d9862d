#!lua
-- enqueue: none -> ready or delayed. Each job is judged on its own; the same id again is EXISTS, or
-- takes the place of the job that waits where its spec says so.
-- USES clock rings series ready unique forget lift admit
-- KEYS jobs delayed retry high ready low tokens faults dead done priority unique ghosts meta stats series wake tick
-- ARGV specs
-- EACH id envelope
-- RETURNS position, code and detail of each job refused: EXISTS envelope | RUNNING id | CLOSED - | FULL - | DUPLICATE holder;
--   1 at the end for the shard's first job ever. specs: empty, or (see admit) all of them, each ended by a line feed
local gate = intake()
local there = redis.call('HMGET', jobs, unpack(id))
local first = tonumber((specs ~= '' and redis.call('ZRANGE', delayed, 0, 0, 'WITHSCORES') or {})[2] or math.huge)
local refused, replaced, lifts, ranks, locks, waiting = {}, {}, {}, {}, {}, {}
local earliest, entry_now = first, entry(now, '')
local accepted, at_once, entries = plain(gate, id, there, entry_now)
local next_spec, specs_left = string.gmatch(specs, '([^\n]*)\n')

for i = accepted + 1, n do
  local job, before = id[i], there[i]
  local due, replace, rank, scope, window, key = parse(specs == '' and '' or next_spec(specs_left))
  local code, detail = refusal(gate, job, before, replace, key)
  if code then
    refused[#refused + 1], refused[#refused + 2], refused[#refused + 3] = i, code, detail
  else
    accepted, gate.fresh[job] = accepted + 1, envelope[i]
    if due == now then
      at_once[#at_once + 1], entries[#entries + 1] = job, entry_now .. job
    else
      waiting[#waiting + 1], waiting[#waiting + 2] = due, job
      earliest = math.min(earliest, due)
    end
    if rank ~= 'n' then ranks[#ranks + 1], ranks[#ranks + 2] = job, rank end
    if key then gate.locked[key], locks[#locks + 1] = job, { job, scope, window, key } end
    if before then
      local set, ghost = whereabouts(job)
      replaced[#replaced + 1] = job
      if set ~= delayed or due == now then lifts[#lifts + 1] = { job, set, ghost } end
    else
      gate.room = gate.room - 1
    end
  end
end
if accepted == 0 then return refused end

-- writes
strip(replaced, 'gone')
if #ranks > 0 then redis.call('HSET', priority, unpack(ranks)) end
for _, held in ipairs(locks) do lock(unpack(held)) end
if #waiting > 0 then redis.call('ZADD', delayed, unpack(waiting)) end
if #ranks > 0 then push('RPUSH', at_once, entries) else add('RPUSH', ready, entries) end
-- The record comes after its place: a record that is in no set would answer for a job that never runs.
if accepted == n then
  redis.call('HSET', jobs, unpack(ARGV, 3))
else
  for job, bytes in pairs(gate.fresh) do redis.call('HSET', jobs, job, bytes) end
end
for _, old in ipairs(lifts) do lift(unpack(old)) end
if count('enqueue', accepted) == accepted then refused[#refused + 1] = 1 end
if earliest < first then signal(tick) end
return refused
