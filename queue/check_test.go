package queue_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/dueq-io/dueq/internal/redistest"
	"github.com/dueq-io/dueq/queue"
)

// goodInfo is the INFO of a server about which there is nothing to say.
const goodInfo = "# Server\r\nredis_version:7.0.15\r\nredis_mode:standalone\r\nrole:master\r\n" +
	"maxmemory:1000000\r\nmaxmemory_policy:noeviction\r\naof_enabled:1\r\naof_last_write_status:ok\r\n" +
	"rdb_last_bgsave_status:ok\r\nconnected_slaves:0\r\n"

// What INFO says decides: fatal is what breaks a promise, a warning what weakens one.
func TestJudgeInfo(t *testing.T) {
	t.Parallel()
	fsynced := queue.Fsynced(time.Second)
	for _, c := range []struct {
		name, change  string
		durability    queue.Durability
		fatal, warned string
	}{
		{"good", "", queue.Async(), "", ""},
		{"Redis 6", "redis_version:6.2.14", queue.Async(), "6.2.14 is too old", ""},
		{"Redis 5", "redis_version:5.0.7", queue.Async(), "too old", ""},
		{"no version", "redis_version:", queue.Async(), "too old", ""},
		{"Redis 8", "redis_version:8.0.0", fsynced, "", ""},
		{"Redis 10", "redis_version:10.1", queue.Async(), "", ""},
		{"Valkey", "redis_version:7.2.4\r\nvalkey_version:8.0.1", fsynced, "", ""},
		{"no WAITAOF", "", fsynced, "WAITAOF", ""},
		{"eviction", "maxmemory_policy:allkeys-lru", queue.Async(), "allkeys-lru", ""},
		{"eviction of what expires", "maxmemory_policy:volatile-ttl", queue.Async(), "volatile-ttl", ""},
		{"replica", "role:slave", queue.Async(), "slave", ""},
		{"no AOF", "aof_enabled:0", queue.Async(), "", "appendonly"},
		{"no maxmemory", "maxmemory:0", queue.Async(), "", "maxmemory"},
		{"AOF fails", "aof_last_write_status:err", queue.Async(), "", "AOF failed"},
		{"snapshot fails", "rdb_last_bgsave_status:err", queue.Async(), "", "snapshot failed"},
		{"replicas", "connected_slaves:2", queue.Async(), "", "min-replicas-to-write"},
		{"replicas that count", "connected_slaves:2\r\nmin_slaves_good_slaves:2", queue.Async(), "", ""},
	} {
		// The last line of a name counts.
		r := queue.JudgeInfo(queue.ParseInfo(goodInfo+c.change+"\r\n"), c.durability)
		says(t, c.name+": fatal", r.Fatal, c.fatal)
		says(t, c.name+": warnings", r.Warnings, c.warned)
	}
}

func says(t *testing.T, what string, findings []string, part string) {
	t.Helper()
	if part == "" && len(findings) > 0 || part != "" && (len(findings) != 1 || !strings.Contains(findings[0], part)) {
		t.Errorf("%s: %q, want %q", what, findings, part)
	}
}

// An unfit server is refused before the first job; AcceptDataLoss turns that into a warning, and the
// other warnings are logged either way.
func TestUnfitServer(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, "--maxmemory-policy", "allkeys-lru", "--maxmemory", "50mb")
	var log bytes.Buffer
	cfg := queue.Config{Logger: slog.New(slog.NewTextHandler(&log, nil))}
	if _, err := cfg.Open(t.Context(), server.URL()); !errors.Is(err, queue.ErrUnfit) || !strings.Contains(err.Error(), "noeviction") {
		t.Errorf("got %v", err)
	}
	if !strings.Contains(log.String(), "appendonly") {
		t.Errorf("no warning in %q", log.String())
	}
	cfg.AcceptDataLoss = true
	h := open(t, server.URL(), cfg)
	h.enqueue(queue.Job{})
	if !strings.Contains(log.String(), "allkeys-lru") {
		t.Errorf("no warning in %q", log.String())
	}
	report, err := h.c.Check(h.ctx)
	if err != nil || len(report.Fatal) != 1 || report.Mode != "standalone" || !strings.Contains(report.Version, ".") {
		t.Errorf("report %+v, %v", report, err)
	}
}

// A replica takes no writes: it is refused at start, not at the first job.
func TestReadOnlyReplica(t *testing.T) {
	t.Parallel()
	host, port := split(redistest.StartTCP(t).Addr())
	replica := redistest.Start(t, "--replicaof", host+" "+port)
	if _, err := queue.Open(t.Context(), replica.URL()); !errors.Is(err, queue.ErrUnfit) || !strings.Contains(err.Error(), "master") {
		t.Errorf("got %v", err)
	}
}

// standsStill is a hook that stops a server once it has answered INFO.
type standsStill struct{ server *redistest.Server }

func (s standsStill) DialHook(next redis.DialHook) redis.DialHook { return next }

func (s standsStill) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

func (s standsStill) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		err := next(ctx, cmd)
		if cmd.Name() == "info" {
			s.server.Pause()
		}
		return err
	}
}

// A server that does not answer the start-up checks in time is away, which a caller waits for, and not
// unfit, which nobody should.
func TestServerStandsStillDuringTheChecks(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	rdb := redis.NewClient(&redis.Options{
		Network: "unix", Addr: server.Addr(), MaxRetries: -1, DialerRetries: 1, ReadTimeout: 100 * time.Millisecond,
	})
	defer rdb.Close()
	rdb.AddHook(standsStill{server})
	cfg := queue.Config{Logger: slog.New(slog.DiscardHandler)}
	_, err := queue.New(t.Context(), rdb, cfg)
	if !errors.Is(err, queue.ErrUnavailable) || errors.Is(err, queue.ErrUnfit) {
		t.Errorf("got %v, want ErrUnavailable", err)
	}
}
