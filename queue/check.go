package queue

import (
	"context"
	"errors"
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
		return Report{}, unanswered(err)
	}
	r := judgeInfo(parseInfo(text), c.cfg.Durability)
	denied, err := c.preflight(ctx)
	if err != nil {
		if _, ours := classify(err); errors.Is(ours, ErrUnavailable) || errors.Is(ours, ErrUnknown) {
			return Report{}, unanswered(err)
		}
		r.fatal("asking for the rights of the user: %v; grant the user what dueq acl prints", err)
	}
	if len(denied) > 0 {
		r.fatal("the user may not call %s on %s:*; grant the user what dueq acl prints", strings.Join(denied, ", "), c.cfg.Namespace)
	}
	return r, nil
}

// unanswered is the error of a question that the server did not answer.
func unanswered(err error) error {
	return fmt.Errorf("%w: %w; is the server running, and is the address right?", ErrUnavailable, err)
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
