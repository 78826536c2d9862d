-- unlease: the last step of every move out of leased.
-- KEYS jobs leased tokens faults priority unique stats series

-- Ends the leases of ids and counts the verb. The token goes last: until then the call can be
-- repeated.
local function unlease(ids, verb)
  if #ids == 0 then return end
  redis.call('ZREM', leased, unpack(ids))
  redis.call('HDEL', tokens, unpack(ids))
  count(verb, #ids)
end

-- A job that was cancelled while it ran ends here, whatever its worker asked for.
local function end_cancelled(id, cancelled, refused)
  for _, i in ipairs(cancelled) do
    refused[#refused + 1], refused[#refused + 2] = i, 'CANCELLED'
  end
  forget(at(id, cancelled), 'gone')
  unlease(at(id, cancelled), 'cancel')
end
