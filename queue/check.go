package queue

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"
)

// Report is what Check found out about a Redis server.
type Report struct {
	// Version is the server's, Mode its redis_mode: standalone, sentinel or cluster.
	Version, Mode string
	// Fatal is what breaks a promise, Warnings what weakens one; each says what to do.
	Fatal, Warnings []string
}

// Check looks at the server that the client is connected to: version, eviction policy, role, memory
// limit, persistence, replicas, and whether the user may run every command that dueq needs.
func (c *Client) Check(ctx context.Context) (Report, error) {
	if c.embedded != nil {
		return Report{Version: "embedded", Mode: "memory", Warnings: []string{"memory:// keeps nothing when the process ends"}}, nil
	}
	text, err := c.rdb.Info(ctx).Result()
	if err != nil {
		if redis.HasErrorPrefix(err, "NOAUTH") || redis.HasErrorPrefix(err, "WRONGPASS") || redis.HasErrorPrefix(err, "NOPERM") {
			return Report{}, fmt.Errorf("%w: redis refuses the user: %w", ErrUnfit, err)
		}
		return Report{}, fmt.Errorf("%w: %w; is the server running, and is the address right?", ErrUnavailable, err)
	}
	r := judgeInfo(parseInfo(text), c.cfg.Durability)
	if err := c.preflight(ctx); err != nil {
		r.Fatal = append(r.Fatal, fmt.Sprintf("a script that tries each command on scratch keys failed: %v; grant the user those commands", err))
	}
	return r, nil
}

// parseInfo reads the lines of INFO.
func parseInfo(text string) map[string]string {
	info := map[string]string{}
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			info[name] = value
		}
	}
	return info
}

const (
	oldestMajor   = 7
	waitAOFMinor  = 2
	fullVersionAt = 2
)

func judgeInfo(info map[string]string, durability Durability) Report {
	r := Report{Version: info["redis_version"], Mode: info["redis_mode"]}
	major, minor := version(r.Version)
	if major < oldestMajor {
		r.fatal("redis %s is too old: want 7.0 or newer", r.Version)
	}
	if policy := info["maxmemory_policy"]; policy != "noeviction" {
		r.fatal("maxmemory-policy %s lets redis throw jobs away: set it to noeviction", policy)
	}
	if role := info["role"]; role != "master" {
		r.fatal("the server is a %s: connect to the master", role)
	}
	if durability.fsync && major == oldestMajor && minor < waitAOFMinor {
		r.fatal("redis %s has no WAITAOF: use 7.2 or newer, or appendfsync always with Async()", r.Version)
	}
	if info["aof_enabled"] != "1" {
		r.warn("no AOF: a crash of redis loses the jobs since its last snapshot; set appendonly yes")
	}
	if info["maxmemory"] == "0" {
		r.warn("no maxmemory: a flood of jobs takes all memory of the machine; set a limit")
	}
	if status, ok := info["aof_last_write_status"]; ok && status != "ok" {
		r.warn("the last write of the AOF failed: look at redis's log and at the disk")
	}
	if status, ok := info["rdb_last_bgsave_status"]; ok && status != "ok" {
		r.warn("the last snapshot failed: look at redis's log and at the disk")
	}
	if replicas := info["connected_slaves"]; replicas != "" && replicas != "0" {
		if _, ok := info["min_slaves_good_slaves"]; !ok {
			r.warn("%s replicas without min-replicas-to-write: a cut-off master takes jobs that a fail-over loses", replicas)
		}
	}
	return r
}

func (r *Report) fatal(format string, args ...any) {
	r.Fatal = append(r.Fatal, fmt.Sprintf(format, args...))
}

func (r *Report) warn(format string, args ...any) {
	r.Warnings = append(r.Warnings, fmt.Sprintf(format, args...))
}

func version(s string) (major, minor int) {
	part := strings.SplitN(s, ".", fullVersionAt+1)
	major, _ = strconv.Atoi(part[0])
	if len(part) > 1 {
		minor, _ = strconv.Atoi(part[1])
	}
	return major, minor
}

// preflightText runs every command that the scripts use, on keys of its own, which it removes, and asks
// for those that only the client uses. An ACL that lacks one of them would otherwise be met in the middle
// of a script, after its first write.
const preflightText = `
local hash, zset, list = KEYS[1], KEYS[2], KEYS[3]
for _, call in ipairs({
  { 'EVALSHA', 'digest', '1', hash }, { 'SADD', hash, 'a' }, { 'SMEMBERS', hash }, { 'BLPOP', list, '1' },
  { 'HGETALL', hash }, { 'LINDEX', list, '0' }, { 'ZCOUNT', zset, '0', '1' }, { 'ZREVRANGE', zset, '0', '1' },
}) do
  if not redis.acl_check_cmd(unpack(call)) then return redis.error_reply('NOPERM no permission to run ' .. call[1]) end
end
redis.call('LTRIM', list, 1, 0)
redis.call('TIME')
redis.call('HSET', hash, 'a', '1', 'b', '2')
redis.call('HGET', hash, 'a')
redis.call('HMGET', hash, 'a', 'b')
redis.call('HEXISTS', hash, 'a')
redis.call('HINCRBY', hash, 'a', 1)
redis.call('HLEN', hash)
redis.call('HSCAN', hash, 0, 'COUNT', 1)
redis.call('HDEL', hash, 'a', 'b')
redis.call('ZADD', zset, 1, 'a')
redis.call('ZSCORE', zset, 'a')
redis.call('ZCARD', zset)
redis.call('ZRANGE', zset, 0, 0, 'WITHSCORES')
redis.call('ZRANGEBYSCORE', zset, '-inf', 1, 'LIMIT', 0, 1)
redis.call('ZREM', zset, 'a')
redis.call('ZREMRANGEBYRANK', zset, 0, 0)
redis.call('RPUSH', list, 'a')
redis.call('LPUSH', list, 'b')
redis.call('LRANGE', list, 0, 1)
redis.call('LLEN', list)
redis.call('EXISTS', list)
redis.call('TYPE', list)
redis.call('LTRIM', list, 1, 0)
return 1`

// preflight tries what the scripts and the client need. Its keys are always the same, so that failing at
// each of a thousand starts leaves no more behind than failing once.
func (c *Client) preflight(ctx context.Context) error {
	scratch := make([]string, 3)
	for i, name := range []string{"hash", "zset", "list"} {
		scratch[i] = c.cfg.Namespace + ":{preflight}:" + name
	}
	return c.rdb.Eval(ctx, preflightText, scratch).Err()
}
