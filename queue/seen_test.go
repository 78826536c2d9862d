package queue_test

import (
	"errors"
	"testing"
	"time"

	"github.com/dueq-io/dueq/queue"
)

// Every verb on jobs that were seen, in every state: what was seen where it still is, is done as by the
// verb for a single job; what was seen in another state, or at another time in its own, is left as it is.
func TestSeen(t *testing.T) {
	verbs := map[string]struct {
		do func(h *harness, s queue.Seen) error
		// takes is what comes of a job of each state where it still is.
		takes map[queue.State]error
	}{
		"cancel": {
			func(h *harness, s queue.Seen) error { return h.in.CancelSeen(h.ctx, sms, []queue.Seen{s})[0] },
			map[queue.State]error{queue.Leased: queue.ErrRunning},
		},
		"requeue": {
			func(h *harness, s queue.Seen) error { return h.in.RequeueSeen(h.ctx, sms, []queue.Seen{s})[0] },
			map[queue.State]error{
				queue.Delayed: queue.ErrNotEnded, queue.Ready: queue.ErrNotEnded, queue.Leased: queue.ErrNotEnded, queue.Retrying: queue.ErrNotEnded,
			},
		},
		"reschedule": {
			func(h *harness, s queue.Seen) error {
				return h.in.RescheduleSeen(h.ctx, sms, []queue.Seen{s}, time.Time{})[0]
			},
			map[queue.State]error{
				queue.Ready: queue.ErrAlreadyDue, queue.Leased: queue.ErrRunning, queue.Dead: queue.ErrEnded, queue.Done: queue.ErrEnded,
			},
		},
	}
	for verb, c := range verbs {
		for _, state := range queue.States() {
			t.Run(verb+" "+string(state), func(t *testing.T) {
				onEach(t, func(t *testing.T, h *harness) {
					h.place(state, queue.Job{ID: "a"})
					info, err := h.in.Job(h.ctx, sms, "a")
					h.ok(err)
					seen := info.Seen()
					for _, other := range queue.States() {
						if other != state {
							h.refused(queue.ErrMoved, func() error { return c.do(h, queue.Seen{ID: "a", State: other, At: time.UnixMilli(1)}) })
						}
					}
					if state != queue.Ready && state != queue.Leased {
						h.refused(queue.ErrMoved, func() error {
							return c.do(h, queue.Seen{ID: "a", State: state, At: seen.At.Add(time.Millisecond)})
						})
					}
					h.refused(queue.ErrNotFound, func() error { return c.do(h, queue.Seen{ID: "b", State: state, At: time.UnixMilli(1)}) })
					if err := c.do(h, seen); !errors.Is(err, c.takes[state]) {
						t.Errorf("where it is: %v, want %v", err, c.takes[state])
					}
				})
			})
		}
	}
}

// A dead job that was requeued and died again is another one than was seen: whoever wanted to delete the
// first does not lose the second.
func TestSeenBeforeItCameBack(t *testing.T) {
	onEach(t, func(_ *testing.T, h *harness) {
		h.place(queue.Dead, queue.Job{ID: "a"})
		info, err := h.in.Job(h.ctx, sms, "a")
		h.ok(err)
		h.advance(time.Second)
		h.ok(h.in.Requeue(h.ctx, sms, "a"))
		d := h.leaseOne()
		h.ok(h.b.Bury(h.ctx, d, queue.ReasonRejected, nil))
		h.refused(queue.ErrMoved, func() error { return h.in.CancelSeen(h.ctx, sms, []queue.Seen{info.Seen()})[0] })
	})
}

// Many jobs in one call each get their own answer, over the size of a batch too.
func TestSeenInBatches(t *testing.T) {
	onEach(t, func(t *testing.T, h *harness) {
		const n = 1203
		seen := make([]queue.Seen, n)
		jobs := make([]queue.Job, n)
		for i := range jobs {
			jobs[i] = queue.Job{Queue: sms, Kind: "k", Delay: time.Hour}
		}
		results, err := h.c.EnqueueMany(h.ctx, jobs)
		h.ok(err)
		page := queue.Page{}
		at := map[string]queue.Seen{}
		for first := true; first || page.Cursor != ""; first = false {
			page, err = h.in.Jobs(h.ctx, sms, queue.Query{State: queue.Delayed, Limit: 500, Cursor: page.Cursor})
			h.ok(err)
			for i := range page.Jobs {
				at[page.Jobs[i].ID] = page.Jobs[i].Seen()
			}
		}
		for i := range results {
			seen[i] = at[results[i].ID]
			if i%100 == 7 {
				seen[i].At = seen[i].At.Add(-time.Second)
			}
		}
		seen[3].ID, seen[4].State = "not an id", "lost"
		for i, err := range h.in.CancelSeen(h.ctx, sms, seen) {
			switch {
			case i == 3 || i == 4:
				if !errors.Is(err, queue.ErrInvalid) {
					t.Errorf("%d: %v", i, err)
				}
			case i%100 == 7:
				if !errors.Is(err, queue.ErrMoved) {
					t.Errorf("%d: %v", i, err)
				}
			case err != nil:
				t.Errorf("%d: %v", i, err)
			}
		}
		info, err := h.in.Queue(h.ctx, sms)
		h.ok(err)
		if info.Delayed != 12+2 {
			t.Errorf("%d are left", info.Delayed)
		}
	})
}

func TestSeenIsChecked(t *testing.T) {
	onEach(t, func(t *testing.T, h *harness) {
		one := []queue.Seen{{ID: "a", State: queue.Dead}}
		for name, errs := range map[string][]error{
			"no time":  h.in.CancelSeen(h.ctx, sms, one),
			"queue":    h.in.RequeueSeen(h.ctx, "a b", []queue.Seen{{ID: "a", State: queue.Ready}}),
			"too late": h.in.RescheduleSeen(h.ctx, sms, []queue.Seen{{ID: "a", State: queue.Ready}}, time.Now().Add(366*24*time.Hour)),
		} {
			if len(errs) != 1 || !errors.Is(errs[0], queue.ErrInvalid) {
				t.Errorf("%s: %v", name, errs)
			}
		}
	})
}
