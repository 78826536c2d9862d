package queue_test

import (
	"errors"
	"testing"
	"time"

	"github.com/dueq-io/dueq/queue"
)

// Row 9: a job can be taken out of every state, and no trace is left in any key; one that runs is
// flagged, and one that is done has nothing to be cancelled.
func TestCancelInEachState(t *testing.T) {
	for _, state := range queue.States() {
		t.Run(string(state), func(t *testing.T) {
			onEach(t, func(t *testing.T, h *harness) {
				lock := queue.Unique{Key: "k"}
				id := h.place(state, queue.Job{ID: "job-17", Priority: queue.High, Unique: lock}).id
				cancel := func() error { return h.c.Cancel(h.ctx, sms, id) }
				switch state {
				case queue.Leased:
					if err := cancel(); !errors.Is(err, queue.ErrRunning) {
						t.Fatal(err)
					}
					h.refused(queue.ErrRunning, cancel) // flagged already
					h.wantState(id, queue.Leased)
					return
				case queue.Done:
					h.refused(queue.ErrEnded, cancel)
					return
				case queue.Delayed, queue.Ready, queue.Retrying, queue.Dead:
				}
				h.counted(map[string]int64{"cancel": 1}, func() { h.ok(cancel()) })
				h.wantState(id, gone)
				h.wantDepth(nil)
				h.leaseNone() // which lays the ghost of one that was ready
				h.traceless(id)
				h.refused(queue.ErrNotFound, cancel)
				h.advance(2 * time.Hour)
				h.promote(0)
				h.leaseNone()
				h.ok(h.try(queue.Job{Unique: lock}))
			})
		})
	}
}

// Row 2: an ID that was never there, or is in another queue, has an answer of its own.
func TestCancelUnknown(t *testing.T) {
	onEach(t, func(_ *testing.T, h *harness) {
		id := h.enqueue(queue.Job{})
		h.refused(queue.ErrNotFound, func() error { return h.c.Cancel(h.ctx, sms, "no-such-job") })
		h.refused(queue.ErrNotFound, func() error { return h.c.Cancel(h.ctx, "other", id) })
	})
}

// Two calls for one job in one script call: it is cancelled once, and its ghost is one.
func TestCancelTwiceInOneBatch(t *testing.T) {
	onEach(t, func(t *testing.T, h *harness) {
		h.enqueue(queue.Job{ID: "a"})
		h.enqueue(queue.Job{ID: "b"})
		cancel := func(id string) func() error {
			return func() error { return h.c.Cancel(h.ctx, sms, id) }
		}
		h.counted(map[string]int64{"cancel": 2}, func() {
			errs := h.together("cancel", cancel("a"), cancel("a"), cancel("b"), cancel("c"))
			for i, want := range []error{nil, queue.ErrNotFound, nil, queue.ErrNotFound} {
				if !errors.Is(errs[i], want) {
					t.Errorf("call %d: %v, want %v", i, errs[i], want)
				}
			}
		})
		h.enqueue(queue.Job{ID: "a", Payload: []byte("again")})
		if d := h.leaseOne(); d.ID != "a" {
			t.Fatalf("leased %s", d.ID)
		}
	})
}

// The flag of a running job ends with its lease: the same ID enqueued later is a job of its own.
func TestCancelRunningThenTheSameID(t *testing.T) {
	onEach(t, func(t *testing.T, h *harness) {
		d := h.place(queue.Leased, queue.Job{ID: "a"}).d
		if err := h.c.Cancel(h.ctx, sms, "a"); !errors.Is(err, queue.ErrRunning) {
			t.Fatal(err)
		}
		if err := h.b.Snooze(h.ctx, d, time.Minute); !errors.Is(err, queue.ErrCancelled) {
			t.Fatal(err)
		}
		again := h.place(queue.Leased, queue.Job{ID: "a", Payload: []byte("new")}).d
		if info := h.job("a"); info.Cancelled || again.Token <= d.Token {
			t.Fatalf("job %+v", info)
		}
		h.ok(h.b.Ack(h.ctx, again))
	})
}
