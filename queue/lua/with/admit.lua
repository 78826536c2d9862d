-- admit: whether a queue takes a job that a producer hands in.
-- KEYS jobs tokens dead done unique meta

-- A spec says when a job is due and what is special about it. It is empty for a job that is due at
-- once and has nothing special; otherwise: a delay in ms, or @ and a due time in ms; a space; r to
-- replace the same id, or -; the rank (h, n, l); the scope of the unique lock (s: until started, d:
-- until done, w: for a window in ms, -: none); the window; a space; the unique key.
local function parse(spec)
  if spec == '' then return now, '-', 'n' end
  local when, replace, rank, scope, window, key = string.match(spec, '^(@?%d+) ([r-])([hnl])([sdw-])(%d*) (.*)$')
  if scope == '-' then key = nil end
  return due_time(when), replace, rank, scope, window, key
end

local function intake()
  local gate = redis.call('HMGET', meta, 'closed', 'max_len')
  local room = math.huge
  if gate[2] then
    room = gate[2] - (redis.call('HLEN', jobs) - redis.call('ZCARD', dead) - redis.call('ZCARD', done))
  end
  return { closed = gate[1], room = room, fresh = {}, locked = {} }
end

-- Why a job is refused, with a detail; nil where it may come in. before is the envelope of the same
-- id in the shard, gate what intake gave and this call has added since.
local function refusal(gate, job, before, replace, key)
  if gate.fresh[job] then return 'EXISTS', gate.fresh[job] end
  if before and replace ~= 'r' then return 'EXISTS', before end
  if before and redis.call('HEXISTS', tokens, job) == 1 then return 'RUNNING', job end
  if gate.closed then return 'CLOSED', '-' end
  if not before and gate.room < 1 then return 'FULL', '-' end
  local by = key and (gate.locked[key] or holder(key))
  if by and by ~= job then return 'DUPLICATE', by end
end

-- The short way for a batch in which nothing is special and nothing refused, as mostly: how many it
-- takes in (all or none), their ids, and their entries, each with the prefix, for the ready list.
local function plain(gate, ids, there, prefix)
  if specs ~= '' or gate.closed or gate.room < n then return 0, {}, {} end
  local entries, seen = {}, {}
  for i, job in ipairs(ids) do
    if there[i] or seen[job] then return 0, {}, {} end
    seen[job], entries[i] = true, prefix .. job
  end
  return n, ids, entries
end
