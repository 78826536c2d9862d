package queue_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/dueq-io/dueq/internal/redistest"
	"github.com/dueq-io/dueq/internal/testhook"
	"github.com/dueq-io/dueq/queue"
)

// sms is the queue of most tests, leaseTime the length of their leases.
const (
	sms       = "sms"
	leaseTime = 30 * time.Second
)

// harness is one client with a namespace and, mostly, a time of its own.
type harness struct {
	t   *testing.T
	ctx context.Context //nolint:containedctx // the test's, for all its calls
	c   *queue.Client
	b   *queue.Broker
	in  *queue.Inspector
	rdb redis.UniversalClient
}

// onEach runs a test on a real Redis and on the embedded one, where time stands still until the test
// moves it.
func onEach(t *testing.T, test func(t *testing.T, h *harness)) {
	t.Helper()
	onEachWith(t, queue.Config{}, test)
}

func onEachWith(t *testing.T, cfg queue.Config, test func(t *testing.T, h *harness)) {
	t.Helper()
	t.Parallel()
	for name, url := range map[string]string{"redis": redistest.URL(t), "memory": "memory://"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := open(t, url, cfg)
			queue.Freeze(h.c)
			test(t, h)
		})
	}
}

// open connects to a server, by whose running clock it goes, under a namespace of its own unless cfg
// has one.
func open(t *testing.T, url string, cfg queue.Config) *harness {
	t.Helper()
	if cfg.Namespace == "" {
		cfg.Namespace = redistest.Prefix(t)
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	c, err := cfg.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return &harness{t: t, ctx: t.Context(), c: c, b: c.Broker(), in: c.Inspector(), rdb: queue.Redis(t, c)}
}

// withDefaults makes a job of what a test cares about.
func withDefaults(j queue.Job) queue.Job {
	if j.Queue == "" {
		j.Queue = sms
	}
	if j.Kind == "" {
		j.Kind = "sms.send"
	}
	return j
}

func (h *harness) try(j queue.Job) error {
	_, err := h.c.Enqueue(h.ctx, withDefaults(j))
	return err
}

func (h *harness) enqueue(j queue.Job) string {
	h.t.Helper()
	id, err := h.c.Enqueue(h.ctx, withDefaults(j))
	h.ok(err)
	return id
}

func (h *harness) ok(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h *harness) lease(n int) []*queue.Delivery {
	h.t.Helper()
	for {
		ds, more, err := h.b.Lease(h.ctx, sms, n, leaseTime)
		h.ok(err)
		if len(ds) > 0 || !more { // a call may meet nothing but ghosts
			return ds
		}
	}
}

// leaseOne takes the one job that is ready.
func (h *harness) leaseOne() *queue.Delivery {
	h.t.Helper()
	ds := h.lease(2)
	if len(ds) != 1 {
		h.t.Fatalf("leased %v, want one job", idsOf(ds))
	}
	return ds[0]
}

func (h *harness) leaseNone() {
	h.t.Helper()
	if ds := h.lease(1); len(ds) != 0 {
		h.t.Fatalf("leased %v, want nothing", idsOf(ds))
	}
}

func idsOf(ds []*queue.Delivery) []string {
	ids := make([]string, len(ds))
	for i, d := range ds {
		ids[i] = d.ID
	}
	return ids
}

func (h *harness) promote(want int) {
	h.t.Helper()
	p, err := h.b.Promote(h.ctx, sms, queue.MaxBatch)
	h.ok(err)
	if p.Moved != want {
		h.t.Fatalf("promoted %d jobs, want %d", p.Moved, want)
	}
}

func (h *harness) advance(d time.Duration) { testhook.ShiftTime(h.c, d) }

// job reads a job that has to be there.
func (h *harness) job(id string) queue.JobInfo {
	h.t.Helper()
	info, err := h.in.Job(h.ctx, sms, id)
	h.ok(err)
	return info
}

// gone is the state of a job that is in none.
const gone queue.State = ""

func (h *harness) stateOf(id string) queue.State {
	h.t.Helper()
	info, err := h.in.Job(h.ctx, sms, id)
	if errors.Is(err, queue.ErrNotFound) {
		return gone
	}
	h.ok(err)
	return info.State
}

func (h *harness) wantState(id string, want queue.State) {
	h.t.Helper()
	if got := h.stateOf(id); got != want {
		h.t.Fatalf("job %s is %q, want %q", id, got, want)
	}
}

// refused says that a call fails with an error and leaves every key as it was.
func (h *harness) refused(want error, call func() error) {
	h.t.Helper()
	h.unchanged(func() {
		h.t.Helper()
		if err := call(); !errors.Is(err, want) {
			h.t.Fatalf("got %v, want %v", err, want)
		}
	})
}

// counted says which counters a call raises, and that it raises no other.
func (h *harness) counted(want map[string]int64, call func()) {
	h.t.Helper()
	before := h.info().Counts
	call()
	got := h.info().Counts
	maps.DeleteFunc(got, func(verb string, n int64) bool {
		got[verb] = n - before[verb]
		return got[verb] == 0
	})
	if !maps.Equal(got, want) {
		h.t.Fatalf("counted %v, want %v", got, want)
	}
}

func (h *harness) info() queue.QueueInfo {
	h.t.Helper()
	info, err := h.in.Queue(h.ctx, sms)
	h.ok(err)
	return info
}

// wantDepth compares the depth of all states; those not named are empty.
func (h *harness) wantDepth(want map[queue.State]int64) {
	h.t.Helper()
	info := h.info()
	for _, state := range queue.States() {
		if got := info.State(state); got != want[state] {
			h.t.Fatalf("%d jobs are %s, want %v", got, state, want)
		}
	}
}

func equal[E comparable](t *testing.T, got, want []E) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Fatalf("got %v, want %v", got, want)
	}
}

// urlOf is the address of the real Redis that the tests share.
func urlOf(t *testing.T) string {
	t.Helper()
	return redistest.URL(t)
}

// versionOf is the version of the real Redis.
func versionOf(t *testing.T) (major, minor int) {
	t.Helper()
	text := redistest.Client(t).Info(t.Context(), "server").Val()
	if _, err := fmt.Sscanf(queue.ParseInfo(text)["redis_version"], "%d.%d", &major, &minor); err != nil {
		t.Fatal(err)
	}
	return major, minor
}

func split(addr string) (host, port string) {
	host, port, _ = strings.Cut(addr, ":")
	return host, port
}
