#!lua flags=allow-oom
-- audit: jobs that looked out of order are looked at once more, in one step, and mended where repair is 1.
-- A job stays in the safest of its places (see disorder); one that is in none becomes ready.
-- USES clock rings series ready unique forget entries disorder mend
-- KEYS jobs delayed retry high ready low leased tokens faults dead done priority unique ghosts stats series wake
-- ARGV repair limit grace_ms tails heads
-- EACH id sum rank seen
-- RETURNS position, kind and detail of each thing found; 0 alone: too much has come into the lists since they
--   were read, when the counts were tails and heads. sum: the first bytes of the record that was seen (another
--   record is not judged); rank: h, n or l by that record, d where it cannot be decoded; seen: see entries
local tail, head = growth(tails, heads)
local windows = 1
for _, spots in ipairs(seen) do windows = windows + select(2, string.gsub(spots, '%a', '')) end
if (tail + 1) * windows > tonumber(limit) or head > tonumber(limit) then return { 0 } end
local entries_of, plans, reply = count_entries(id, seen, tail, head), {}, {}
for i, job in ipairs(id) do
  local record = redis.call('HGET', jobs, job)
  if string.sub(record or '', 1, 5) == sum[i] then
    local p = examine(job, record, rank[i], entries_of[job])
    if record then
      p.keep = belongs(p)
    elseif #p.places > 0 then
      report(p, 'stray', table.concat(p.names, ', '))
    elseif p.token or p.noted or redis.call('HEXISTS', faults, job) + redis.call('HEXISTS', unique, 'job:' .. job) > 0 then
      report(p, 'note', 'something is noted of it')
    end
    p.lack = p.keep == false and p.entries[p.rank] == 0
    for letter, n in pairs(p.entries) do
      if p.keep == false and letter == p.rank and n > 0 then p.entries[letter] = n - 1 end
      if p.ghosts[letter] ~= p.entries[letter] and #p.found == 0 then
        report(p, 'ghosts', p.ghosts[letter] .. ' counted, ' .. p.entries[letter] .. ' there')
      end
    end
    if #p.found > 0 then plans[#plans + 1] = p end
    for _, fault in ipairs(p.found) do reply[#reply + 1], reply[#reply + 2], reply[#reply + 3] = i, fault[1], fault[2] end
  end
end
if repair ~= '1' then return reply end

-- writes
for _, p in ipairs(plans) do mend(p, grace_ms) end
count('audit', #plans)
return reply
