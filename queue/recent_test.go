package queue_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/dueq-io/dueq/queue"
)

func (h *harness) recent(n int) queue.Recent {
	h.t.Helper()
	r, err := h.in.Recent(h.ctx, sms, n)
	h.ok(err)
	return r
}

func jobIDs(jobs []queue.JobInfo) []string {
	ids := make([]string, len(jobs))
	for i := range jobs {
		ids[i] = jobs[i].ID
	}
	return ids
}

// Row 42: of 150 jobs the newest 100, the newest first, also those of the same ms, whatever their states.
func TestRecent(t *testing.T) {
	onEach(t, func(t *testing.T, h *harness) {
		if r := h.recent(100); len(r.Jobs) != 0 || r.Total != 0 || r.Cut {
			t.Errorf("of nothing: %+v", r)
		}
		jobs := make([]queue.Job, 150)
		for i := range jobs {
			jobs[i] = withDefaults(queue.Job{Retain: time.Hour, Priority: []queue.Priority{queue.Normal, queue.High, queue.Low}[i%3]})
			if i%5 == 0 {
				jobs[i].Delay = time.Duration(200-i) * time.Minute
			}
		}
		results, err := h.c.EnqueueMany(h.ctx, jobs)
		h.ok(err)
		var want []string
		for _, r := range slices.Backward(results) {
			want = append(want, r.ID)
		}
		for _, d := range h.lease(30) { // of high priority
			switch d.Token % 3 {
			case 0:
				h.ok(h.b.Ack(h.ctx, d))
			case 1:
				h.ok(h.b.Bury(h.ctx, d, queue.ReasonRejected, errOops))
			default:
			}
		}
		h.unchanged(func() {
			r := h.recent(100)
			equal(t, jobIDs(r.Jobs), want[:100])
			if r.Scanned != 150 || r.Total != 150 || r.Cut {
				t.Errorf("%d of %d, cut %v", r.Scanned, r.Total, r.Cut)
			}
			states := map[queue.State]int{}
			for _, j := range r.Jobs {
				states[j.State]++
				if j.Created.IsZero() || j.At.IsZero() || j.State == queue.Ready && !j.Due.Equal(queue.FrozenAt) {
					t.Errorf("%+v", j)
				}
			}
			if len(states) != 5 {
				t.Errorf("%v", states)
			}
		})
		equal(t, jobIDs(h.recent(500).Jobs), want)
		h.ok(h.c.Cancel(h.ctx, sms, want[1]))
		equal(t, jobIDs(h.recent(2).Jobs), []string{want[0], want[2]})
	})
}

// Of a large queue a bounded part is looked at, and it says so. What was enqueued last to be run at once is found.
func TestRecentIsBounded(t *testing.T) {
	onEach(t, func(t *testing.T, h *harness) {
		enqueue := func(n int, job func(i int) queue.Job) []string {
			jobs := make([]queue.Job, n)
			for i := range jobs {
				jobs[i] = withDefaults(job(i))
			}
			results, err := h.c.EnqueueMany(h.ctx, jobs)
			h.ok(err)
			ids := make([]string, n)
			for i, r := range results {
				ids[n-1-i] = r.ID
			}
			return ids
		}
		enqueue(3000, func(i int) queue.Job { return queue.Job{Delay: time.Duration(i+1) * time.Second} })
		enqueue(3000, func(int) queue.Job { return queue.Job{} })
		newest := enqueue(500, func(int) queue.Job { return queue.Job{} })
		equal(t, jobIDs(h.recent(100).Jobs), newest[:100])
		soon := enqueue(1, func(int) queue.Job { return queue.Job{Delay: time.Millisecond} })
		late := enqueue(1, func(int) queue.Job { return queue.Job{Delay: 100 * time.Hour} })
		r := h.recent(2)
		equal(t, jobIDs(r.Jobs), []string{late[0], soon[0]})
		if !r.Cut || r.Total != 6502 || r.Scanned != 2000 {
			t.Errorf("%d of %d, cut %v", r.Scanned, r.Total, r.Cut)
		}
		enqueue(1, func(int) queue.Job { return queue.Job{Delay: 25 * time.Minute} }) // is not found
		equal(t, jobIDs(h.recent(2).Jobs), []string{late[0], soon[0]})
	})
}

func TestRecentIsRefused(t *testing.T) {
	onEach(t, func(_ *testing.T, h *harness) {
		for _, n := range []int{-1, 0, queue.MaxBatch + 1} {
			h.refused(queue.ErrInvalid, func() error { _, err := h.in.Recent(h.ctx, sms, n); return err })
		}
		h.refused(queue.ErrInvalid, func() error { _, err := h.in.Recent(h.ctx, "no such", 1); return err })
	})
}

// An ID that somebody chose has no time in it: the record has.
func TestRecentOfChosenIDs(t *testing.T) {
	t.Parallel()
	h := open(t, urlOf(t), queue.Config{})
	last := ""
	for i := range 5 {
		last = fmt.Sprint("z", 9-i)
		h.enqueue(queue.Job{ID: last})
		h.awaitNextMS()
	}
	equal(t, jobIDs(h.recent(2).Jobs), []string{last, "z6"})
}

// awaitNextMS ends in another ms than it began in.
func (h *harness) awaitNextMS() {
	for now := time.Now().UnixMilli(); time.Now().UnixMilli() == now; {
		h.ok(h.c.Ping(h.ctx))
	}
}
