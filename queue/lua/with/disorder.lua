-- disorder: what is wrong with a job and what is noted of it, and where it belongs.
-- KEYS delayed retry leased tokens faults dead done priority unique ghosts

-- The safest place first. A job that is ready comes before one that has ended.
local order = { leased, retry, delayed, false, dead, done }
local words = { [leased] = 'leased', [retry] = 'retrying', [delayed] = 'delayed', [false] = 'ready', [dead] = 'dead', [done] = 'done' }

-- Reads all that is known of a job; entries are the counts of its entries in the ready lists.
local function examine(job, record, rank, entries)
  local p = { job = job, record = record, entries = entries, ghosts = {}, live = 0, places = {}, names = {}, found = {} }
  p.token, p.noted = redis.call('HGET', tokens, job), redis.call('HGET', priority, job)
  p.damaged, p.rank = rank == 'd', rank
  if rank == 'd' or rank == '' then p.rank = p.noted or 'n' end
  for letter, n in pairs(entries) do
    local counted = redis.call('HGET', ghosts, letter .. job)
    local some = tonumber(counted or 0) or 0
    p.ghosts[letter] = counted and some < 1 and -1 or some -- no count is right that is there and below 1
    p.live = p.live + math.max(n - math.max(some, 0), 0)
  end
  for _, set in ipairs(order) do
    local times = set and (redis.call('ZSCORE', set, job) and 1 or 0) or p.live
    for _ = 1, times do p.places[#p.places + 1], p.names[#p.names + 1] = set, words[set] end
  end
  return p
end

local function report(p, kind, detail) p.found[#p.found + 1] = { kind, detail } end

-- Where a job with a record is to stay: a set, or false for ready.
local function belongs(p)
  local first, places = 1, table.concat(p.names, ', ')
  if not p.token and p.places[1] == leased then
    report(p, 'lease', 'a lease without a token')
    first = 2
  elseif p.token and p.places[1] ~= leased then
    report(p, 'lease', 'a token without a lease')
  elseif #p.places == 0 then
    report(p, 'orphan', 'in no place')
  end
  if #p.places > 1 then report(p, 'twice', places) end
  local keep = p.places[first] or false
  if #p.places == 0 and p.token then keep = leased end -- whoever holds the token may still settle it
  if p.damaged and (keep == retry or keep == delayed or not keep) then
    report(p, 'damaged', 'its record cannot be decoded')
    keep = dead
  elseif not p.damaged and (p.noted or 'n') ~= p.rank then
    report(p, 'priority', 'noted as ' .. (p.noted or 'n') .. ', not ' .. p.rank)
  elseif not keep and p.live > 0 and p.entries[p.rank] <= p.ghosts[p.rank] then
    report(p, 'priority', 'in the ready list of another priority')
  end
  return keep
end
