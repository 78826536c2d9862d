package scheduler_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/dueq-io/dueq/internal/redistest"
	"github.com/dueq-io/dueq/internal/testhook"
	"github.com/dueq-io/dueq/queue"
	"github.com/dueq-io/dueq/scheduler"
)

// patience is how long a test waits for what should come at once: long, for a loaded machine.
const patience = 20 * time.Second

var quiet = slog.New(slog.DiscardHandler)

// both runs a test on a real Redis and on the embedded one.
func both(t *testing.T, test func(t *testing.T, c *queue.Client)) {
	t.Helper()
	for name, url := range map[string]func(testing.TB) string{
		"redis":  redistest.URL,
		"memory": func(testing.TB) string { return "memory://" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open(t, url(t), redistest.Prefix(t)))
		})
	}
}

func open(t *testing.T, url, namespace string) *queue.Client {
	t.Helper()
	c, err := queue.Config{Namespace: namespace, Logger: quiet}.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// run runs a scheduler until the test ends, or until it is stopped.
func run(t *testing.T, c *queue.Client, cfg scheduler.Config) (s *scheduler.Scheduler, stop func()) {
	t.Helper()
	if cfg.Logger == nil {
		cfg.Logger = quiet
	}
	s, err := scheduler.New(c, cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run returned %v", err)
		}
	})
	t.Cleanup(stop)
	return s, stop
}

func enqueue(t *testing.T, c *queue.Client, jobs ...queue.Job) (ids []string) {
	t.Helper()
	results, err := c.EnqueueMany(t.Context(), jobs)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range results {
		ids = append(ids, r.ID)
	}
	return ids
}

// times is n jobs that are alike.
func times(n int, job queue.Job) []queue.Job { return slices.Repeat([]queue.Job{job}, n) }

// advance moves the client's time and wakes its schedulers.
func advance(t *testing.T, c *queue.Client, d time.Duration) {
	t.Helper()
	testhook.ShiftTime(c, d)
	if err := c.Broker().WakeTick(t.Context(), "q"); err != nil {
		t.Fatal(err)
	}
}

// lease leases n jobs, which are to be ready or to become so.
func lease(t *testing.T, c *queue.Client, n int, length time.Duration) []*queue.Delivery {
	t.Helper()
	var all []*queue.Delivery
	redistest.Eventually(t, patience, func() bool {
		got, _, err := c.Broker().Lease(t.Context(), "q", n-len(all), length)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, got...)
		return len(all) == n
	}, "fewer than %d jobs became ready", n)
	return all
}

func info(t *testing.T, c *queue.Client) queue.QueueInfo {
	t.Helper()
	q, err := c.Inspector().Queue(t.Context(), "q")
	if err != nil {
		t.Fatal(err)
	}
	return q
}

// holds waits until the queue holds so many jobs of a state.
func holds(t *testing.T, c *queue.Client, state queue.State, n int64) {
	t.Helper()
	var q queue.QueueInfo
	redistest.Eventually(t, patience, func() bool {
		q = info(t, c)
		return q.State(state) == n
	}, said(func() string {
		return fmt.Sprintf("%d %s jobs, want %d; counts %v", q.State(state), state, n, q.Counts)
	}))
}

// said is text that is made when it is needed.
type said func() string

func (s said) String() string { return s() }

// gone waits until nothing is left of a job.
func gone(t *testing.T, c *queue.Client, id string) {
	t.Helper()
	redistest.Eventually(t, patience, func() bool {
		_, err := c.Inspector().Job(t.Context(), "q", id)
		return errors.Is(err, queue.ErrNotFound)
	}, "job %s is still there", id)
}
