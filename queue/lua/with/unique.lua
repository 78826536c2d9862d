-- unique: the locks of jobs that must not be there twice. Field key:<key> holds 'until id' (until in
-- ms, 0: as long as the scope says), field job:<id> holds 'scope key', so that every end can find it.
-- KEYS unique

-- The id that holds a key at this moment, or nil.
local function holder(key)
  local lock = redis.call('HGET', unique, 'key:' .. key)
  if not lock then return nil end
  local till, by = string.match(lock, '^(%d+) (.*)$')
  if till == '0' or tonumber(till) > now then return by end
end

local function lock(job, scope, window, key)
  local till = scope == 'w' and string.format('%.0f', now + window) or '0'
  redis.call('HSET', unique, 'key:' .. key, till .. ' ' .. job, 'job:' .. job, scope .. ' ' .. key)
end

-- Lets go of what the ids hold. event is started (frees scope s), done (frees s and d; a window runs
-- on) or gone (frees all).
local function unlock(ids, event)
  if #ids == 0 or redis.call('HLEN', unique) == 0 then return end
  for _, job in ipairs(ids) do
    local held = redis.call('HGET', unique, 'job:' .. job)
    local scope, key = string.match(held or '', '^(%a) (.*)$')
    if held and (event ~= 'started' or scope == 's') then
      -- The lock first: a call that is made again finds it by the field of the job.
      if (scope ~= 'w' or event == 'gone') and holder(key) == job then
        redis.call('HDEL', unique, 'key:' .. key)
      end
      redis.call('HDEL', unique, 'job:' .. job)
    end
  end
end
