package queue_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/dueq-io/dueq/queue"
)

// Replace puts the new job in the place of the one that is there, in one step, and runs once: schedule
// or reschedule by business key. Only a job that runs stays.
func TestReplaceInEachState(t *testing.T) {
	for _, state := range queue.States() {
		t.Run(string(state), func(t *testing.T) {
			onEach(t, func(t *testing.T, h *harness) {
				h.place(state, queue.Job{ID: "order-1", Payload: []byte("old"), Priority: queue.Low})
				again := queue.Job{ID: "order-1", Payload: []byte("new"), IfExists: queue.Replace, Delay: time.Minute}
				if state == queue.Leased {
					h.refused(queue.ErrRunning, func() error { return h.try(again) })
					return
				}
				h.counted(map[string]int64{"enqueue": 1}, func() { h.enqueue(again) })
				h.wantDepth(map[queue.State]int64{queue.Delayed: 1})
				h.leaseNone()
				h.advance(time.Minute)
				h.promote(1)
				d := h.leaseOne()
				if string(d.Payload) != "new" || d.Priority != queue.Normal || d.Failures != 0 || d.Attempt != 1 {
					t.Fatalf("leased %+v", d)
				}
				h.leaseNone()
				h.ok(h.b.Ack(h.ctx, d))
			})
		})
	}
}

// Replaced while ready, the old entry of the list is a ghost: the new job runs once, also when it is
// ready at once and therefore behind its own ghost.
func TestReplaceReadyWithReady(t *testing.T) {
	onEach(t, func(t *testing.T, h *harness) {
		h.place(queue.Ready, queue.Job{ID: "order-1", Payload: []byte("old")})
		h.enqueue(queue.Job{ID: "order-2"})
		h.enqueue(queue.Job{ID: "order-1", Payload: []byte("new"), IfExists: queue.Replace})
		h.wantDepth(map[queue.State]int64{queue.Ready: 2})
		ds := h.lease(5)
		equal(t, idsOf(ds), []string{"order-2", "order-1"})
		if string(ds[1].Payload) != "new" {
			t.Fatalf("payload %q", ds[1].Payload)
		}
		h.wantDepth(map[queue.State]int64{queue.Leased: 2})
	})
}

// A job that is not there is simply enqueued.
func TestReplaceNothing(t *testing.T) {
	onEach(t, func(_ *testing.T, h *harness) {
		h.enqueue(queue.Job{ID: "order-1", IfExists: queue.Replace, Delay: time.Minute})
		h.wantState("order-1", queue.Delayed)
	})
}

// Callers that replace one ID at once may come together in one call; none of them may be refused for
// that, and one of the payloads is left.
func TestReplaceByManyAtOnce(t *testing.T) {
	onEach(t, func(t *testing.T, h *harness) {
		const callers = 50
		errs := make([]error, callers)
		var wg sync.WaitGroup
		for i := range callers {
			wg.Go(func() {
				errs[i] = h.try(queue.Job{
					ID: "conn-1", Payload: []byte{byte(i)}, IfExists: queue.Replace, Delay: 15 * time.Minute,
				})
			})
		}
		wg.Wait()
		h.ok(errors.Join(errs...))
		h.wantDepth(map[queue.State]int64{queue.Delayed: 1})

		jobs := make([]queue.Job, 3)
		for i := range jobs {
			jobs[i] = withDefaults(queue.Job{ID: "conn-2", Payload: []byte{byte(i)}, IfExists: queue.Replace})
		}
		_, err := h.c.EnqueueMany(context.WithoutCancel(h.ctx), jobs)
		h.ok(err)
		if d := h.leaseOne(); d.Payload[0] != 2 {
			t.Fatalf("of three in order, payload %d is left", d.Payload[0])
		}
	})
}
