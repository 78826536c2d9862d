-- index: keeps the sets in flight quick to look up.
-- KEYS leased tokens

-- Redis packs a set of up to 128 members (a hash of up to 512) into one string and walks it for every
-- member, unless one is longer than 64 bytes; once indexed it stays so until it is empty. A batch is
-- worth the two calls before and after it. What a failure in between leaves is reaped: its lease is over.
local long = string.rep('-', 65)

local function index(batch)
  if batch < 16 then return end
  redis.call('ZADD', leased, 0, long)
  redis.call('HSET', tokens, long, long)
end

local function indexed(batch)
  if batch < 16 then return end
  redis.call('HDEL', tokens, long)
  redis.call('ZREM', leased, long)
end
