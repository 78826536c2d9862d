-- forget: what is left of a job beside its record.
-- KEYS jobs faults priority unique

-- Drops what was noted about jobs, and the locks that event (see unlock) frees.
local function strip(ids, event)
  if #ids == 0 or redis.call('EXISTS', faults, priority, unique) == 0 then return end
  if redis.call('HLEN', faults) > 0 then redis.call('HDEL', faults, unpack(ids)) end
  if redis.call('HLEN', priority) > 0 then redis.call('HDEL', priority, unpack(ids)) end
  unlock(ids, event)
end

local function forget(ids, event)
  if #ids == 0 then return end
  redis.call('HDEL', jobs, unpack(ids))
  strip(ids, event)
end
