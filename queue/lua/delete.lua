#!lua flags=allow-oom
-- delete: a queue -> gone, with all that is in it. One with jobs, those done aside, goes only where it is forced.
-- UNLINK frees in the background, so this takes as long whatever the queue holds. The sequence of tokens stays: no
-- lease of before may fit a job that comes again under its id.
-- USES clock
-- KEYS jobs delayed retry high ready low leased tokens faults dead done priority unique marks ghosts meta stats series wake tick
-- ARGV force
-- RETURNS 1 where it is refused, otherwise 0; how many jobs keep the queue from going, or went; how many keys went
local all, kept = redis.call('HLEN', jobs), redis.call('ZCARD', done)
if all > kept and force ~= '1' then return { 1, all - kept, 0 } end

-- writes
local went = redis.call('UNLINK', jobs, delayed, retry, high, ready, low, leased, tokens, faults, dead, done, priority,
  unique, marks, ghosts, stats, series, wake, tick)
return { 0, all, went + redis.call('HDEL', meta, 'paused', 'closed', 'max_len', 'reaped', 'grace', 'spared') }
