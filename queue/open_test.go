package queue_test

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/dueq-io/dueq/internal/redistest"
	"github.com/dueq-io/dueq/queue"
)

// secret is a password that no error may show, not even a part of it.
const secret = "hunter2swordfish"

// badURLs are refused before anything is dialled.
var badURLs = []string{
	"", "localhost:6379", "redis//localhost", "http://localhost", "REDIS://localhost", "memory", "memory://x",
	"redis://localhost:port", "redis://localhost/db", "redis://localhost/0/1", "redis://localhost?no_such=1",
	"redis://localhost?read_timeout=soon", "redis://[::1", "unix://", "redis+sentinel://localhost:26379",
	"redis+sentinel://localhost:26379/", "redis+sentinel://localhost:26379/mymaster/db",
	"redis+cluster://localhost?no_such=1", "redis+http://localhost", "://", "redis://\x00",
}

// leakyURLs hold a password at places where a parser would repeat it in its error.
var leakyURLs = []string{
	"redis://user:" + secret + "@localhost:port", "redis://:" + secret + "@localhost/db",
	"redis://:" + secret + "#x@localhost", "redis://:" + secret + "/x@localhost", "redis://:x/" + secret + "@localhost",
	"redis://:x?" + secret + "@localhost", "redis://:%" + secret + "@localhost", "redis://:" + secret + "%zz@localhost",
	"redis://:" + secret + "@local host", "rediss://:1#" + secret + "@localhost",
	"redis://user:" + secret + "@[localhost", "redis://user:" + secret + "\x7f@localhost", secret + "://localhost",
	"unix://user:" + secret + "@/tmp/x?db=" + secret, "redis+cluster://:" + secret + "@a:1,b:1?no_such=1",
	"redis+cluster://:a/" + secret + "@a:1,b:2", "redis+cluster://:" + secret + "@a:1?addr=%zz",
	"redis+sentinel://:" + secret + "@a:1", "redis+sentinel://:" + secret + "@a:1/m/" + secret,
	"redis+sentinel://:a/" + secret + "@a:1/m", "redis+sentinel://a:1/m?sentinel_password=" + secret + "&no_such=1",
	"redis+sentinel://:" + secret + "%@a:1/m/0",
}

// A URL that cannot be read is a clear error, which never shows a password.
func TestOpenBadURL(t *testing.T) {
	t.Parallel()
	for _, url := range badURLs {
		if _, err := queue.Open(t.Context(), url); !errors.Is(err, queue.ErrInvalid) {
			t.Errorf("%q: %v", url, err)
		}
	}
}

func TestOpenShowsNoPassword(t *testing.T) {
	t.Parallel()
	for _, url := range leakyURLs {
		cfg := queue.Config{Logger: slog.New(slog.DiscardHandler)}
		_, err := cfg.Open(t.Context(), url)
		switch {
		case err == nil:
			t.Errorf("%q was opened", url)
		case strings.Contains(err.Error(), secret):
			t.Errorf("%q: the error shows the password: %v", url, err)
		}
	}
}

// A wrong password is not taken for a Redis that is down: waiting will not help.
func TestOpenWrongPassword(t *testing.T) {
	t.Parallel()
	server := redistest.StartTCP(t, "--requirepass", secret)
	for _, c := range []struct{ userinfo, says string }{
		{":wrong-" + secret + "@", "WRONGPASS"}, {"nobody:wrong-" + secret + "@", "WRONGPASS"}, {"", "NOAUTH"},
	} {
		_, err := queue.Open(t.Context(), "redis://"+c.userinfo+server.Addr())
		if !errors.Is(err, queue.ErrUnfit) || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), secret) {
			t.Errorf("with %q: %v", c.userinfo, err)
		}
	}
	h := open(t, "redis://:"+secret+"@"+server.Addr(), queue.Config{})
	h.enqueue(queue.Job{})
}

// The parameters of a URL are go-redis's, also behind a socket.
func TestOpenParameters(t *testing.T) {
	t.Parallel()
	h := open(t, urlOf(t)+"?db=3&pool_size=2", queue.Config{})
	opt := queue.Connection(h.c).(*redis.Client).Options()
	if opt.DB != 3 || opt.PoolSize != 2 || opt.MaxRetries > 0 {
		t.Fatalf("options %+v", opt)
	}
	h.enqueue(queue.Job{})
	if n := redistest.Client(t).Exists(t.Context(), h.key("jobs")).Val(); n != 0 {
		t.Fatal("the job is in database 0")
	}
}

// Config has one error for all that is wrong with it.
func TestOpenBadConfig(t *testing.T) {
	t.Parallel()
	cfg := queue.Config{Namespace: "a:b", MaxPayload: -1, MaxDelay: -time.Second, Beat: time.Hour, Durability: queue.Replicated(0, time.Second)}
	_, err := cfg.Open(t.Context(), "memory://")
	for _, part := range []string{"namespace", "MaxPayload", "MaxDelay", "Beat", "Replicated"} {
		if !errors.Is(err, queue.ErrInvalid) || !strings.Contains(err.Error(), part) {
			t.Errorf("no word of %s in %v", part, err)
		}
	}
	if _, err := queue.New(t.Context(), redistest.Client(t), cfg); !errors.Is(err, queue.ErrInvalid) {
		t.Errorf("New: %v", err)
	}
}

// MaxDelay bounds what is refused as a unit mistaken.
func TestOpenMaxDelay(t *testing.T) {
	onEachWith(t, queue.Config{MaxDelay: time.Hour}, func(_ *testing.T, h *harness) {
		h.ok(h.try(queue.Job{Delay: time.Hour}))
		h.refused(queue.ErrInvalid, func() error { return h.try(queue.Job{Delay: time.Hour + 1}) })
		h.refused(queue.ErrInvalid, func() error { return h.try(queue.Job{Due: time.Now().Add(2 * time.Hour)}) })
	})
}

// A go-redis client that the caller brings stays the caller's, and is warned about if it repeats calls.
func TestNew(t *testing.T) {
	t.Parallel()
	rdb := redistest.Client(t)
	var log bytes.Buffer
	c, err := queue.New(t.Context(), rdb, queue.Config{
		Namespace: redistest.Prefix(t), Logger: slog.New(slog.NewTextHandler(&log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Enqueue(t.Context(), withDefaults(queue.Job{})); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(log.String(), "MaxRetries") {
		t.Errorf("no warning in %q", log.String())
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if err := rdb.Ping(t.Context()).Err(); err != nil {
		t.Errorf("Close closed the caller's client: %v", err)
	}
}

// memory:// needs nothing and keeps nothing, says so, and is apart from every other one.
func TestOpenMemory(t *testing.T) {
	t.Parallel()
	a, b := open(t, "memory://", queue.Config{Namespace: "same"}), open(t, "memory://", queue.Config{Namespace: "same"})
	a.enqueue(queue.Job{})
	b.leaseNone()
	if !a.c.Embedded() || open(t, urlOf(t), queue.Config{}).c.Embedded() {
		t.Error("Embedded is wrong")
	}
	report, err := a.c.Check(t.Context())
	if err != nil || len(report.Warnings) == 0 || len(report.Fatal) != 0 {
		t.Errorf("report %+v, %v", report, err)
	}
	a.ok(a.c.Close())
	if err := a.try(queue.Job{}); err == nil {
		t.Error("enqueued into a closed client")
	}
}
