package queue_test

import (
	"errors"
	"testing"
	"time"

	"github.com/dueq-io/dueq/queue"
)

// settling is a call that a delivery's token fences.
type settling struct {
	name string
	// verb is the script's name, empty for one that group commit does not serve.
	verb string
	call func(h *harness, d *queue.Delivery) error
	// to is the state of the job afterwards, count the counter that rises.
	to    queue.State
	count string
}

func settlings() []settling {
	return []settling{
		{"ack", "ack", func(h *harness, d *queue.Delivery) error { return h.b.Ack(h.ctx, d) }, gone, "ack"},
		{"retry", "retry", func(h *harness, d *queue.Delivery) error {
			return h.b.Retry(h.ctx, d, time.Minute, errors.New("failed"))
		}, queue.Retrying, "retry"},
		{"snooze", "snooze", func(h *harness, d *queue.Delivery) error {
			return h.b.Snooze(h.ctx, d, time.Minute)
		}, queue.Delayed, "snooze"},
		{"release", "release", func(h *harness, d *queue.Delivery) error { return h.b.Release(h.ctx, d) }, queue.Ready, "release"},
		{"bury", "bury", func(h *harness, d *queue.Delivery) error {
			return h.b.Bury(h.ctx, d, queue.ReasonRejected, errors.New("failed"))
		}, queue.Dead, "bury"},
		{"drop", "bury", func(h *harness, d *queue.Delivery) error { return h.b.Drop(h.ctx, d) }, gone, "drop"},
		{"extend", "", func(h *harness, d *queue.Delivery) error {
			verdicts, err := h.b.Extend(h.ctx, []*queue.Delivery{d}, leaseTime)
			if err != nil {
				return err
			}
			return verdicts[0]
		}, queue.Leased, "extend"},
	}
}

func eachSettling(t *testing.T, test func(t *testing.T, h *harness, s settling)) {
	t.Helper()
	for _, s := range settlings() {
		t.Run(s.name, func(t *testing.T) {
			onEach(t, func(t *testing.T, h *harness) { test(t, h, s) })
		})
	}
}

// The edge of each verb: its state, its counter and no other, and nothing left of a job that is gone.
func TestSettleMoves(t *testing.T) {
	eachSettling(t, func(_ *testing.T, h *harness, s settling) {
		d := h.place(queue.Leased, queue.Job{
			Priority: queue.High, Unique: queue.Unique{Key: "k"}, Delay: 0,
		}).d
		h.counted(map[string]int64{s.count: 1}, func() { h.ok(s.call(h, d)) })
		h.wantState(d.ID, s.to)
		if s.to == gone {
			h.traceless(d.ID)
			h.wantDepth(nil)
			return
		}
		h.wantDepth(map[queue.State]int64{s.to: 1})
	})
}

// Promise 2: a worker that lost its lease can do nothing to the job, and does nothing to whoever has it
// now. The token that counts is the newest.
func TestSettleStaleTokenIsRefused(t *testing.T) {
	eachSettling(t, func(t *testing.T, h *harness, s settling) {
		stale := h.place(queue.Leased, queue.Job{}).d
		if r := h.reapAfter(leaseTime, queue.ReapConfig{}); r.Readied != 1 {
			t.Fatalf("reaped %+v", r)
		}
		h.refused(queue.ErrLeaseLost, func() error { return s.call(h, stale) })
		d := h.leaseOne()
		if d.ID != stale.ID || d.Token <= stale.Token {
			t.Fatalf("token %d after %d", d.Token, stale.Token)
		}
		h.refused(queue.ErrLeaseLost, func() error { return s.call(h, stale) })
		h.ok(s.call(h, d))
	})
}

// After any end of a lease its token is worth nothing, also where the job is leased no more.
func TestSettleTwiceIsRefused(t *testing.T) {
	for _, second := range settlings() {
		t.Run(second.name, func(t *testing.T) {
			eachSettling(t, func(_ *testing.T, h *harness, first settling) {
				d := h.place(queue.Leased, queue.Job{}).d
				h.ok(first.call(h, d))
				if first.name == "extend" {
					h.ok(second.call(h, d))
					return
				}
				h.refused(queue.ErrLeaseLost, func() error { return second.call(h, d) })
			})
		})
	}
}

// A token is a number of the shard, not of the job: one is not taken for another's.
func TestSettleWithAnotherJobsToken(t *testing.T) {
	eachSettling(t, func(_ *testing.T, h *harness, s settling) {
		a, b := h.place(queue.Leased, queue.Job{}).d, h.place(queue.Leased, queue.Job{}).d
		forged := *a
		forged.ID = b.ID
		h.refused(queue.ErrLeaseLost, func() error { return s.call(h, &forged) })
		forged.ID = "no-such-job"
		h.refused(queue.ErrLeaseLost, func() error { return s.call(h, &forged) })
	})
}

// Two calls for one delivery that come together in one script call: one of them has the effect.
func TestSettleTwiceInOneBatch(t *testing.T) {
	eachSettling(t, func(t *testing.T, h *harness, s settling) {
		if s.verb == "" {
			return
		}
		d := h.place(queue.Leased, queue.Job{}).d
		call := func() error { return s.call(h, d) }
		h.counted(map[string]int64{s.count: 1}, func() {
			errs := h.together(s.verb, call, call)
			if errs[0] != nil || !errors.Is(errs[1], queue.ErrLeaseLost) {
				t.Fatalf("got %v", errs)
			}
		})
		h.wantState(d.ID, s.to)
	})
}

// A stale call that comes together with that of the holder takes nothing from it.
func TestSettleStaleBesideHolderInOneBatch(t *testing.T) {
	eachSettling(t, func(t *testing.T, h *harness, s settling) {
		if s.verb == "" {
			return
		}
		stale := h.place(queue.Leased, queue.Job{}).d
		h.reapAfter(leaseTime, queue.ReapConfig{})
		d := h.leaseOne()
		errs := h.together(s.verb,
			func() error { return s.call(h, stale) }, func() error { return s.call(h, d) },
			func() error { return s.call(h, stale) })
		if !errors.Is(errs[0], queue.ErrLeaseLost) || errs[1] != nil || !errors.Is(errs[2], queue.ErrLeaseLost) {
			t.Fatalf("got %v", errs)
		}
		h.wantState(d.ID, s.to)
	})
}

// A job that was cancelled while it ran ends with its worker's next word, whatever that is; only an ack
// may still count as the completion that it is.
func TestSettleCancelled(t *testing.T) {
	eachSettling(t, func(t *testing.T, h *harness, s settling) {
		d := h.place(queue.Leased, queue.Job{Unique: queue.Unique{Key: "k"}, Priority: queue.Low}).d
		h.counted(map[string]int64{}, func() {
			if err := h.c.Cancel(h.ctx, sms, d.ID); !errors.Is(err, queue.ErrRunning) {
				t.Fatal(err)
			}
		})
		if info := h.job(d.ID); !info.Cancelled || info.Token != d.Token {
			t.Fatalf("job %+v", info)
		}
		switch s.name {
		case "extend":
			h.advance(time.Second)
			if err := s.call(h, d); !errors.Is(err, queue.ErrCancelled) {
				t.Fatal(err)
			}
			// The worker still has it, until it says so.
			if at := h.job(d.ID).At; !at.Equal(queue.FrozenAt.Add(time.Second + leaseTime)) {
				t.Fatalf("lease until %v", at)
			}
			return
		case "ack":
			h.counted(map[string]int64{"ack": 1}, func() { h.ok(s.call(h, d)) })
		default:
			h.counted(map[string]int64{"cancel": 1}, func() {
				if err := s.call(h, d); !errors.Is(err, queue.ErrCancelled) {
					t.Fatal(err)
				}
			})
		}
		h.traceless(d.ID)
		h.refused(queue.ErrLeaseLost, func() error { return s.call(h, d) })
	})
}

// A whole batch of one verb over many jobs, some of them lost and some cancelled, answers each its own.
func TestSettleMixedBatch(t *testing.T) {
	eachSettling(t, func(t *testing.T, h *harness, s settling) {
		if s.verb == "" || s.verb == "ack" {
			return
		}
		for range 9 {
			h.enqueue(queue.Job{})
		}
		ds := h.lease(9)
		calls := make([]func() error, len(ds))
		for i, d := range ds {
			calls[i] = func() error { return s.call(h, d) }
			switch i % 3 {
			case 1:
				h.ok(h.b.Ack(h.ctx, d))
			case 2:
				if err := h.c.Cancel(h.ctx, sms, d.ID); !errors.Is(err, queue.ErrRunning) {
					t.Fatal(err)
				}
			}
		}
		h.counted(map[string]int64{s.count: 3, "cancel": 3}, func() {
			for i, err := range h.together(s.verb, calls...) {
				if want := []error{nil, queue.ErrLeaseLost, queue.ErrCancelled}[i%3]; !errors.Is(err, want) {
					t.Errorf("delivery %d: %v, want %v", i, err, want)
				}
			}
		})
		if s.to != gone {
			h.wantDepth(map[queue.State]int64{s.to: 3})
		}
	})
}
