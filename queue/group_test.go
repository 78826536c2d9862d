package queue_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/dueq-io/dueq/internal/redistest"
	"github.com/dueq-io/dueq/queue"
)

// scriptCalls is how many scripts Redis has run.
func scriptCalls(h *harness) int {
	h.t.Helper()
	text, err := h.rdb.Info(h.ctx, "commandstats").Result()
	h.ok(err)
	info, sum := queue.ParseInfo(text), 0
	for _, name := range []string{"cmdstat_evalsha", "cmdstat_eval"} {
		n := 0
		_, _ = fmt.Sscanf(info[name], "calls=%d", &n)
		sum += n
	}
	return sum
}

// warm has Redis know the scripts, so that each further call is one.
func (h *harness) warm() {
	h.t.Helper()
	h.enqueue(queue.Job{Queue: "warm"})
	ds, _, err := h.b.Lease(h.ctx, "warm", 1, leaseTime)
	h.ok(err)
	h.ok(h.b.Ack(h.ctx, ds[0]))
	h.ok(h.rdb.ConfigResetStat(h.ctx).Err())
}

// Calls that come together answer each caller what its own job met.
func TestGroupAnswersEachCaller(t *testing.T) {
	onEach(t, func(t *testing.T, h *harness) {
		h.enqueue(queue.Job{ID: "there", Payload: []byte("a"), Unique: queue.Unique{Key: "k"}, Delay: time.Hour})
		jobs := []struct {
			job  queue.Job
			want error
		}{
			{queue.Job{}, nil},
			{queue.Job{ID: "there", Payload: []byte("a")}, nil},
			{queue.Job{ID: "there", Payload: []byte("b")}, queue.ErrConflict},
			{queue.Job{Unique: queue.Unique{Key: "k"}}, queue.ErrDuplicate},
			{queue.Job{Delay: -1}, queue.ErrInvalid},
		}
		var wg sync.WaitGroup
		for i := range 200 {
			wg.Go(func() {
				c := jobs[i%len(jobs)]
				if err := h.try(c.job); !errors.Is(err, c.want) {
					t.Errorf("caller %d: %v, want %v", i, err, c.want)
				}
			})
		}
		wg.Wait()
		h.wantDepth(map[queue.State]int64{queue.Ready: 40, queue.Delayed: 1})
	})
}

// While one call is in flight the next batch gathers: 21 callers are two calls.
func TestGroupCoalesces(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	h := open(t, server.URL(), queue.Config{})
	h.enqueue(queue.Job{})
	h.warm()

	server.Pause()
	errs := make([]error, 21)
	var wg sync.WaitGroup
	wg.Go(func() { errs[0] = h.try(queue.Job{}) })
	redistest.Eventually(t, 5*time.Second, func() bool {
		return queue.Flying(h.c, sms, "enqueue") == 1 && queue.Waiting(h.c, sms, "enqueue") == 0
	})
	for i := range 20 {
		wg.Go(func() { errs[i+1] = h.try(queue.Job{}) })
	}
	redistest.Eventually(t, 5*time.Second, func() bool { return queue.Waiting(h.c, sms, "enqueue") == 20 })
	server.Continue()
	wg.Wait()
	h.ok(errors.Join(errs...))
	if n := scriptCalls(h); n != 2 {
		t.Fatalf("%d script calls for 21 callers, want 2", n)
	}
	h.wantDepth(map[queue.State]int64{queue.Ready: 22})
}

// Settling coalesces too, each verb on its own.
func TestGroupCoalescesAcks(t *testing.T) {
	t.Parallel()
	h := open(t, redistest.Start(t).URL(), queue.Config{})
	h.warm()
	for range 30 {
		h.enqueue(queue.Job{})
	}
	ds := h.lease(30)
	calls := make([]func() error, len(ds))
	for i, d := range ds {
		calls[i] = func() error { return h.b.Ack(h.ctx, d) }
	}
	h.ok(h.rdb.ConfigResetStat(h.ctx).Err())
	h.ok(errors.Join(h.together("ack", calls...)...))
	if n := scriptCalls(h); n != 1 {
		t.Fatalf("%d script calls for 30 acks, want 1", n)
	}
}

// A lone caller waits for nobody: each of its calls goes by itself and at once.
func TestGroupLoneCaller(t *testing.T) {
	t.Parallel()
	h := open(t, redistest.Start(t).URL(), queue.Config{})
	h.warm()
	const calls = 200
	begin := time.Now()
	for range calls {
		h.enqueue(queue.Job{})
	}
	if took := time.Since(begin); took > calls*20*time.Millisecond {
		t.Errorf("%d calls took %v", calls, took)
	}
	if n := scriptCalls(h); n != calls {
		t.Errorf("%d script calls, want %d", n, calls)
	}
}

// A call has a size, in jobs and in bytes, however many wait.
func TestGroupBounds(t *testing.T) {
	for name, c := range map[string]struct {
		jobs, bytes, calls int
	}{"jobs": {queue.MaxBatch + 100, 1, 2}, "bytes": {3, 700 << 10, 3}, "a large one": {2, 1 << 20, 2}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := open(t, redistest.Start(t).URL(), queue.Config{})
			h.enqueue(queue.Job{})
			h.warm()
			payload := bytes.Repeat([]byte("x"), c.bytes)
			release := queue.Hold(h.c, sms, "enqueue")
			errs := make([]error, c.jobs)
			var wg sync.WaitGroup
			for i := range c.jobs {
				wg.Go(func() { errs[i] = h.try(queue.Job{Payload: payload}) })
			}
			redistest.Eventually(t, 10*time.Second, func() bool { return queue.Waiting(h.c, sms, "enqueue") == c.jobs })
			release()
			wg.Wait()
			h.ok(errors.Join(errs...))
			if n := scriptCalls(h); n != c.calls {
				t.Errorf("%d script calls, want %d", n, c.calls)
			}
		})
	}
}

// A caller that gives up while it waits learns that the outcome is unknown, with the ID to repeat the
// call with. What it asked for still happens, and happens once.
func TestGroupCancelledWhileWaiting(t *testing.T) {
	onEach(t, func(t *testing.T, h *harness) {
		h.enqueue(queue.Job{ID: "first"})
		release := queue.Hold(h.c, sms, "enqueue")
		ctx, cancel := context.WithCancelCause(h.ctx)
		gaveUp := errors.New("gave up")
		var id string
		var err error
		var wg sync.WaitGroup
		job := withDefaults(queue.Job{Payload: []byte("a")})
		wg.Go(func() { id, err = h.c.Enqueue(ctx, job) })
		redistest.Eventually(t, 5*time.Second, func() bool { return queue.Waiting(h.c, sms, "enqueue") == 1 })
		cancel(gaveUp)
		wg.Wait()
		if !errors.Is(err, queue.ErrUnknown) || !errors.Is(err, gaveUp) || id == "" {
			t.Fatalf("id %q, %v", id, err)
		}
		release()
		redistest.Eventually(t, 5*time.Second, func() bool { return h.info().Ready == 2 })
		job.ID = id
		h.ok(h.try(job))
		h.wantDepth(map[queue.State]int64{queue.Ready: 2})
	})
}

// One whose context has ended before the call was not carried out, and says so.
func TestGroupCancelledBefore(t *testing.T) {
	onEach(t, func(t *testing.T, h *harness) {
		d := h.place(queue.Leased, queue.Job{}).d
		ctx, cancel := context.WithCancel(h.ctx)
		cancel()
		for name, call := range map[string]func() error{
			"enqueue": func() error { _, err := h.c.Enqueue(ctx, withDefaults(queue.Job{})); return err },
			"many":    func() error { _, err := h.c.EnqueueMany(ctx, []queue.Job{withDefaults(queue.Job{})}); return err },
			"ack":     func() error { return h.b.Ack(ctx, d) },
			"cancel":  func() error { return h.c.Cancel(ctx, sms, d.ID) },
		} {
			h.unchanged(func() {
				if err := call(); !errors.Is(err, context.Canceled) || errors.Is(err, queue.ErrUnknown) {
					t.Errorf("%s: %v", name, err)
				}
			})
		}
	})
}

// Verbs and queues do not wait for each other.
func TestGroupsAreApart(t *testing.T) {
	onEach(t, func(_ *testing.T, h *harness) {
		d := h.place(queue.Leased, queue.Job{}).d
		release := queue.Hold(h.c, sms, "enqueue")
		defer release()
		h.ok(h.b.Ack(h.ctx, d))
		h.enqueue(queue.Job{Queue: "other"})
	})
}
