-- owned: whether a settling call still owns its jobs. A token that starts with '-' marks a lease
-- whose job was cancelled meanwhile.
-- KEYS tokens faults

-- Splits the positions of id into those whose token is in force and those that were cancelled; the
-- rest goes into refused as LOST.
local function owned(id, token)
  local held = redis.call('HMGET', tokens, unpack(id))
  local mine, cancelled, refused, seen = {}, {}, {}, {}
  for i, job in ipairs(id) do
    if held[i] == token[i] and not seen[job] then
      mine[#mine + 1], seen[job] = i, true
    elseif held[i] == '-' .. token[i] and not seen[job] then
      cancelled[#cancelled + 1], seen[job] = i, true
    else
      refused[#refused + 1] = i
      refused[#refused + 1] = 'LOST'
    end
  end
  return mine, cancelled, refused
end

-- What is in a faults entry ('failures lost reason errors'): failures, leases lost as they stand there, with their
-- times, errors, reason, how many leases were lost. One that cannot be read counts as none, so that it stops nobody.
local function counts(entry)
  local failures, lost, times, reason, errors = string.match(entry or '', '^(%d+) (%d+)([@%d]*) (%S+) (.*)$')
  return tonumber(failures or 0), (lost or '0') .. (times or ''), errors or '', reason, tonumber(lost or 0)
end

-- The same with one more lease lost, now. The times of the last 5 are kept, newest first, each '@' and 13 digits.
local function one_more(losses)
  local lost, times = string.match(losses, '^(%d+)(.*)$')
  return string.format('%.0f@%013.0f', lost + 1, now) .. string.sub(times, 1, 4 * 14)
end

-- The ids at positions of a column.
local function at(column, positions)
  local out = {}
  for i, n in ipairs(positions) do out[i] = column[n] end
  return out
end
