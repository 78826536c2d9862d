package queue_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dueq-io/dueq/internal/redistest"
	"github.com/dueq-io/dueq/queue"
)

// patience is how long a call may take to find out that Redis is away: about 3 s of retries.
const patience = 15 * time.Second

func timed(t *testing.T, limit time.Duration, call func() error) error {
	t.Helper()
	begin := time.Now()
	err := call()
	if took := time.Since(begin); took > limit {
		t.Errorf("took %v, want at most %v", took, limit)
	}
	return err
}

// A Redis that is down at start is an error at once, and the address is not taken for a queue.
func TestOutageAtStart(t *testing.T) {
	t.Parallel()
	for _, url := range []string{
		"unix://" + t.TempDir() + "/none.sock", "redis://127.0.0.1:1", "rediss://127.0.0.1:1",
		"redis+cluster://127.0.0.1:1,127.0.0.1:2", "redis+sentinel://127.0.0.1:1/mymaster",
	} {
		err := timed(t, patience, func() error { _, err := queue.Open(t.Context(), url); return err })
		if !errors.Is(err, queue.ErrUnavailable) || !strings.Contains(err.Error(), "running") {
			t.Errorf("%s: %v", url, err)
		}
	}
}

// Row 13: Redis is away for up to two seconds while a producer calls: the call waits and succeeds. A row
// of other calls does the same.
func TestOutageThatEnds(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, "--appendonly", "yes", "--appendfsync", "always")
	h := open(t, server.URL(), queue.Config{})
	h.enqueue(queue.Job{ID: "acked", Retain: -1})
	d := h.leaseOne()
	h.enqueue(queue.Job{ID: "before"})

	server.Kill()
	calls := map[string]func() error{
		"enqueue": func() error { return h.try(queue.Job{ID: "during"}) },
		"new":     func() error { return h.try(queue.Job{Queue: "new-queue"}) },
		"ack":     func() error { return h.b.Ack(h.ctx, d) },
		"promote": func() error { _, err := h.b.Promote(h.ctx, sms, 1); return err },
		"pause":   func() error { return h.in.Pause(h.ctx, "other") },
	}
	var wg sync.WaitGroup
	var ended sync.Map
	for name, call := range calls {
		wg.Go(func() {
			if err := timed(t, patience, call); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			ended.Store(name, true)
		})
	}
	timer := time.NewTimer(1200 * time.Millisecond) // the outage
	<-timer.C
	ended.Range(func(name, _ any) bool { t.Errorf("%v ended while redis was away", name); return true })
	server.Restart()
	wg.Wait()
	h.wantDepth(map[queue.State]int64{queue.Ready: 2})
}

// Redis does not come back: every call fails in bounded time, says so, and was not carried out.
func TestOutageThatStays(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	h := open(t, server.URL(), queue.Config{})
	d := h.place(queue.Leased, queue.Job{}).d
	server.Kill()
	calls := map[string]func() error{
		"enqueue": func() error {
			id, err := h.c.Enqueue(h.ctx, withDefaults(queue.Job{}))
			if id != "" {
				t.Errorf("id %q of a job that is not there", id)
			}
			return err
		},
		"many": func() error {
			results, err := h.c.EnqueueMany(h.ctx, []queue.Job{withDefaults(queue.Job{}), {Queue: "new-queue", Kind: "k"}})
			for _, r := range results {
				if r.ID != "" || !errors.Is(r.Err, queue.ErrUnavailable) {
					t.Errorf("result %+v", r)
				}
			}
			return err
		},
		"lease":  func() error { _, _, err := h.b.Lease(h.ctx, sms, 1, leaseTime); return err },
		"extend": func() error { _, err := h.b.Extend(h.ctx, []*queue.Delivery{d}, leaseTime); return err },
		"ack":    func() error { return h.b.Ack(h.ctx, d) },
		"reap":   func() error { _, err := h.b.Reap(h.ctx, sms, queue.ReapConfig{}); return err },
		"purge":  func() error { _, err := h.b.Purge(h.ctx, sms, queue.PurgeConfig{}); return err },
		"pause":  func() error { return h.in.Pause(h.ctx, sms) },
		"queues": func() error { _, err := h.in.Queues(h.ctx); return err },
		"job":    func() error { _, err := h.in.Job(h.ctx, sms, d.ID); return err },
		"jobs":   func() error { _, err := h.in.Jobs(h.ctx, sms, queue.Query{State: queue.Ready}); return err },
		"wait":   func() error { _, err := h.b.WaitReady(h.ctx, []string{sms}, time.Second); return err },
		"wake":   func() error { return h.b.WakeReady(h.ctx, sms) },
		"any":    func() error { _, err := h.b.AnyReady(h.ctx, []string{sms}); return err },
		"marked": func() error { _, err := h.b.Marked(h.ctx, sms, "m"); return err },
		"ping":   func() error { return h.c.Ping(h.ctx) },
		"check":  func() error { _, err := h.c.Check(h.ctx); return err },
	}
	var wg sync.WaitGroup
	for name, call := range calls {
		wg.Go(func() {
			if err := timed(t, patience, call); !errors.Is(err, queue.ErrUnavailable) {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
	wg.Wait()

	// A caller in a hurry is not made to wait for the retries.
	ctx, cancel := context.WithTimeout(h.ctx, 50*time.Millisecond)
	defer cancel()
	err := timed(t, time.Second, func() error { _, err := h.c.Enqueue(ctx, withDefaults(queue.Job{})); return err })
	if !errors.Is(err, queue.ErrUnknown) && !errors.Is(err, queue.ErrUnavailable) {
		t.Errorf("with a deadline: %v", err)
	}
}

// Redis dies with the call in its hands: the outcome is unknown, and the ID makes it safe to repeat.
func TestOutageInTheMiddleOfACall(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, "--appendonly", "yes", "--appendfsync", "always")
	h := open(t, server.URL(), queue.Config{})
	h.enqueue(queue.Job{ID: "before"})
	server.Pause()
	job := withDefaults(queue.Job{Payload: []byte("a")})
	var err error
	var wg sync.WaitGroup
	wg.Go(func() { job.ID, err = h.c.Enqueue(h.ctx, job) })
	redistest.Eventually(t, 5*time.Second, func() bool {
		return queue.Flying(h.c, sms, "enqueue") == 1 && queue.Waiting(h.c, sms, "enqueue") == 0
	})
	redistest.Eventually(t, 5*time.Second, func() bool { return queue.Connection(h.c).PoolStats().IdleConns == 0 })
	server.Kill()
	wg.Wait()
	if !errors.Is(err, queue.ErrUnknown) || job.ID == "" {
		t.Fatalf("id %q, %v", job.ID, err)
	}
	server.Restart()
	for range 2 {
		h.ok(h.try(job))
	}
	h.wantDepth(map[queue.State]int64{queue.Ready: 2})
}

// Redis stands still: a call that was sent and not answered in time is unknown too, and was carried out
// in the end. One that could not even be prepared was not.
func TestOutageByStall(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	h := open(t, server.URL()+"?read_timeout=100ms", queue.Config{Retries: -1})
	h.enqueue(queue.Job{ID: "before"})
	server.Pause()
	job := withDefaults(queue.Job{Payload: []byte("a")})
	id, err := h.c.Enqueue(h.ctx, job)
	if !errors.Is(err, queue.ErrUnknown) || id == "" {
		t.Errorf("id %q, %v", id, err)
	}
	other := job
	other.Queue = "new-queue"
	if id, err := h.c.Enqueue(h.ctx, other); !errors.Is(err, queue.ErrUnavailable) || errors.Is(err, queue.ErrUnknown) || id != "" {
		t.Errorf("into a new queue: id %q, %v", id, err)
	}
	server.Continue()
	redistest.Eventually(t, 5*time.Second, func() bool {
		info, err := h.in.Queue(h.ctx, sms)
		return err == nil && info.Ready == 2
	}, "the call that was sent is carried out")
	job.ID = id
	h.ok(h.try(job))
	h.wantDepth(map[queue.State]int64{queue.Ready: 2})
}

// A caller's deadline is kept while Redis stands still, whether it makes its call alone or waits in a
// batch.
func TestOutageByStallKeepsDeadlines(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	h := open(t, server.URL(), queue.Config{})
	h.enqueue(queue.Job{ID: "before"})
	server.Pause()
	defer server.Continue()
	var wg sync.WaitGroup
	for i := range 5 {
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(h.ctx, 100*time.Millisecond)
			defer cancel()
			err := timed(t, 2*time.Second, func() error { _, err := h.c.Enqueue(ctx, withDefaults(queue.Job{})); return err })
			if !errors.Is(err, queue.ErrUnknown) {
				t.Errorf("caller %d: %v", i, err)
			}
		})
	}
	wg.Wait()
}

// An empty script cache, after a restart or SCRIPT FLUSH, is nobody's concern.
func TestScriptFlush(t *testing.T) {
	t.Parallel()
	h := open(t, redistest.Start(t).URL(), queue.Config{Durability: queue.Replicated(1, time.Millisecond)})
	for range 3 {
		if _, err := h.c.Enqueue(h.ctx, withDefaults(queue.Job{})); !errors.Is(err, queue.ErrUnconfirmed) {
			t.Fatal(err)
		}
		h.ok(h.rdb.ScriptFlush(h.ctx).Err())
		h.ok(h.b.Ack(h.ctx, h.leaseOne()))
		h.ok(h.rdb.ScriptFlush(h.ctx).Err())
	}
}

// Redis comes back empty, as without an AOF: jobs enqueued after that are found by whoever asks which
// queues there are, though this client had made its queue known before.
func TestOutageThatLosesAll(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	h := open(t, server.URL(), queue.Config{})
	h.enqueue(queue.Job{})
	server.Kill()
	server.Restart()
	h.enqueue(queue.Job{Delay: time.Hour})
	names, err := h.b.Queues(h.ctx)
	h.ok(err)
	equal(t, names, []string{sms})
}
