#!lua
-- enqueue: none -> ready or delayed. Each job is judged on its own; the same id again is EXISTS, or
-- takes the place of the job that waits where its options say so.
-- USES clock ready unique forget lift admit
-- KEYS jobs delayed retry high ready low tokens faults dead done priority unique ghosts meta stats wake tick
-- EACH id when options envelope
-- RETURNS position, code and detail of each job refused: EXISTS envelope | RUNNING id | CLOSED - | FULL - | DUPLICATE holder
local gate = intake()
local there = redis.call('HMGET', jobs, unpack(id))
local head = redis.call('ZRANGE', delayed, 0, 0, 'WITHSCORES')
local refused, records, replaced, ranks, locks, waiting, at_once = {}, {}, {}, {}, {}, {}, {}
local first, stamp_now = tonumber(head[2] or math.huge), stamp(now)
local earliest = first

for i, job in ipairs(id) do
  local replace, rank, scope, window, key = parse(options[i])
  local before = there[i] and string.sub(there[i], 7)
  local code, detail = refusal(gate, job, before, replace, key)
  if code then
    refused[#refused + 1], refused[#refused + 2], refused[#refused + 3] = i, code, detail
  else
    local due = due_time(when[i])
    gate.fresh[job] = envelope[i]
    records[#records + 1] = job
    records[#records + 1] = (due == now and stamp_now or stamp(due)) .. envelope[i]
    if due == now then
      at_once[#at_once + 1] = job
    else
      waiting[#waiting + 1], waiting[#waiting + 2] = due, job
      earliest = math.min(earliest, due)
    end
    if rank ~= 'n' then ranks[#ranks + 1], ranks[#ranks + 2] = job, rank end
    if key then gate.locked[key], locks[#locks + 1] = job, { job, scope, window, key } end
    if before then replaced[#replaced + 1] = job else gate.room = gate.room - 1 end
  end
end
if #records == 0 then return refused end

-- writes
redis.call('HSET', jobs, unpack(records))
for _, job in ipairs(replaced) do lift(job) end
strip(replaced, 'gone')
if #ranks > 0 then redis.call('HSET', priority, unpack(ranks)) end
for _, held in ipairs(locks) do lock(unpack(held)) end
if #waiting > 0 then redis.call('ZADD', delayed, unpack(waiting)) end
push('RPUSH', at_once)
redis.call('HINCRBY', stats, 'enqueue', #records / 2)
if earliest < first then signal(tick) end
return refused
