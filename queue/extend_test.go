package queue_test

import (
	"errors"
	"testing"
	"time"

	"github.com/dueq-io/dueq/queue"
)

// A heartbeat counts from the moment of the call, by Redis's clock, and does not shorten by adding up.
func TestExtend(t *testing.T) {
	onEach(t, func(t *testing.T, h *harness) {
		d := h.place(queue.Leased, queue.Job{}).d
		h.advance(10 * time.Second)
		verdicts, err := h.b.Extend(h.ctx, []*queue.Delivery{d}, time.Minute)
		if h.ok(err); verdicts[0] != nil {
			t.Fatal(verdicts)
		}
		if at := h.job(d.ID).At; !at.Equal(queue.FrozenAt.Add(10*time.Second + time.Minute)) {
			t.Fatalf("lease until %v", at)
		}
	})
}

// Row 16: a job that runs for longer than its lease is not given to another while its worker speaks.
func TestExtendKeepsALongJob(t *testing.T) {
	onEach(t, func(t *testing.T, h *harness) {
		d := h.place(queue.Leased, queue.Job{}).d
		for range 30 {
			h.advance(leaseTime / 3)
			verdicts, err := h.b.Extend(h.ctx, []*queue.Delivery{d}, leaseTime)
			if h.ok(err); verdicts[0] != nil {
				t.Fatal(verdicts)
			}
			r, err := h.b.Reap(h.ctx, sms, queue.ReapConfig{})
			if h.ok(err); r.Readied != 0 || r.Next != leaseTime {
				t.Fatalf("reaped %+v", r)
			}
		}
		h.ok(h.b.Ack(h.ctx, d))
	})
}

// A lease that ran out is still its holder's until the reaper ends it: the token decides, not the clock.
func TestExtendAfterTheDeadline(t *testing.T) {
	onEach(t, func(t *testing.T, h *harness) {
		d := h.place(queue.Leased, queue.Job{}).d
		h.advance(2 * leaseTime)
		verdicts, err := h.b.Extend(h.ctx, []*queue.Delivery{d}, leaseTime)
		if h.ok(err); verdicts[0] != nil {
			t.Fatal(verdicts)
		}
		h.wantState(d.ID, queue.Leased)
	})
}

// One call serves all jobs of a process, of whatever queue and number, and names each that is to stop.
func TestExtendMany(t *testing.T) {
	onEach(t, func(t *testing.T, h *harness) {
		const each = queue.MaxBatch + 10
		var all []*queue.Delivery
		for _, name := range []string{"a", "b"} {
			jobs := make([]queue.Job, each)
			for i := range jobs {
				jobs[i] = queue.Job{Queue: name, Kind: "k"}
			}
			_, err := h.c.EnqueueMany(h.ctx, jobs)
			h.ok(err)
			for more := true; more; {
				var ds []*queue.Delivery
				ds, more, err = h.b.Lease(h.ctx, name, queue.MaxBatch, leaseTime)
				h.ok(err)
				all = append(all, ds...)
			}
		}
		lost, cancelled := all[each/2], all[each+each/2]
		h.ok(h.b.Ack(h.ctx, lost))
		if err := h.c.Cancel(h.ctx, "b", cancelled.ID); !errors.Is(err, queue.ErrRunning) {
			t.Fatal(err)
		}
		verdicts, err := h.b.Extend(h.ctx, all, leaseTime)
		h.ok(err)
		for i, d := range all {
			want := map[*queue.Delivery]error{lost: queue.ErrLeaseLost, cancelled: queue.ErrCancelled}[d]
			if !errors.Is(verdicts[i], want) {
				t.Errorf("delivery %d: %v, want %v", i, verdicts[i], want)
			}
		}
		if verdicts, err := h.b.Extend(h.ctx, nil, leaseTime); len(verdicts) != 0 || err != nil {
			t.Errorf("nothing to extend: %v, %v", verdicts, err)
		}
	})
}
