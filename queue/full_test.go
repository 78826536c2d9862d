package queue_test

import (
	"errors"
	"maps"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/dueq-io/dueq/internal/redistest"
	"github.com/dueq-io/dueq/queue"
)

// Redis is at its maxmemory: producers are told, in one clear word and with nothing written, and
// everything that empties the queues goes on, so that it can always be drained; then producers are
// served again.
func TestFullRedis(t *testing.T) {
	t.Parallel()
	h := open(t, redistest.Start(t).URL(), queue.Config{})
	dead := h.place(queue.Dead, queue.Job{}).id
	done := h.place(queue.Done, queue.Job{}).id
	h.enqueue(queue.Job{ID: "delayed", Delay: time.Millisecond})
	h.enqueue(queue.Job{ID: "later", Delay: time.Hour, Retain: -1})
	const jobs = 60
	for range jobs {
		h.enqueue(queue.Job{Payload: make([]byte, 64<<10)})
	}
	h.enqueue(queue.Job{Queue: "spare", Payload: make([]byte, 64<<10)})
	h.ok(h.in.Pause(h.ctx, sms))
	used, err := strconv.Atoi(queue.ParseInfo(h.rdb.Info(h.ctx, "memory").Val())["used_memory"])
	h.ok(err)
	h.ok(h.rdb.ConfigSet(h.ctx, "maxmemory", strconv.Itoa(used-1<<20)).Err())
	for name, call := range map[string]func() error{
		"enqueue": func() error { return h.try(queue.Job{}) },
		"delayed": func() error { return h.try(queue.Job{Delay: time.Hour}) },
		"many":    func() error { _, err := h.c.EnqueueMany(h.ctx, []queue.Job{withDefaults(queue.Job{})}); return err },
		"new":     func() error { return h.try(queue.Job{Queue: "new-queue"}) },
	} {
		keys, counts := h.keys(), h.info().Counts
		if err := call(); !errors.Is(err, queue.ErrRedisFull) {
			t.Errorf("%s: %v", name, err)
		}
		if !slices.Equal(keys, h.keys()) || !maps.Equal(counts, h.info().Counts) {
			t.Errorf("%s left something", name)
		}
	}

	// Each of these may be the first of its verb, so that Redis has to take the script in, too.
	h.ok(h.rdb.ScriptFlush(h.ctx).Err())
	h.ok(h.in.Resume(h.ctx, sms))
	redistest.Eventually(t, 5*time.Second, func() bool { return h.info().Overdue == 1 })
	h.promote(1)
	ds := h.lease(6)
	if len(ds) != 6 {
		t.Fatalf("leased %d", len(ds))
	}
	verdicts, err := h.b.Extend(h.ctx, ds, leaseTime)
	h.ok(errors.Join(append(verdicts, err)...))
	h.ok(h.b.Retry(h.ctx, ds[0], 0, errors.New("failed")))
	h.ok(h.b.Snooze(h.ctx, ds[1], 0))
	h.ok(h.b.Release(h.ctx, ds[2]))
	h.ok(h.b.Bury(h.ctx, ds[3], queue.ReasonRejected, errors.New("failed")))
	h.ok(h.b.Drop(h.ctx, ds[4]))
	h.ok(h.c.Reschedule(h.ctx, sms, "later", time.Minute))
	h.ok(h.c.Cancel(h.ctx, sms, "later"))
	h.ok(h.in.Requeue(h.ctx, sms, dead))
	h.reapAfter(leaseTime, queue.ReapConfig{})
	h.advance(time.Hour)
	h.purge(keepAll)
	_, err = h.in.DeleteQueue(h.ctx, "spare", true)
	h.ok(err)
	h.wantState(done, gone)
	if n := len(h.drain()); n < jobs {
		t.Errorf("drained %d jobs, want at least %d", n, jobs)
	}
	h.ok(h.try(queue.Job{}))
	h.ok(h.try(queue.Job{Queue: "new-queue"}))
}
