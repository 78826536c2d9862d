package queue_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/dueq-io/dueq/queue"
)

// Row 14: before the ack the job is leased, after it nothing is left of it but counters.
func TestAckLeavesNothing(t *testing.T) {
	onEach(t, func(t *testing.T, h *harness) {
		d := h.place(queue.Leased, queue.Job{
			Priority: queue.High, Unique: queue.Unique{Key: "k"}, Tags: []string{"t"},
		}).d
		h.ok(h.b.Retry(h.ctx, d, 0, fmt.Errorf("an error of %s", d.ID)))
		h.promote(1)
		d = h.leaseOne()
		h.ok(h.b.Ack(h.ctx, d))
		h.traceless(d.ID)
		for _, name := range []string{"jobs", "leased", "tokens", "faults", "priority", "unique", "done"} {
			if h.rdb.Exists(h.ctx, h.key(name)).Val() != 0 {
				t.Errorf("%s is left", name)
			}
		}
	})
}

// Retain keeps the job, with all that it was, for as long as it says; a caller-chosen ID is kept for a
// minute unless it says otherwise.
func TestAckRetains(t *testing.T) {
	onEach(t, func(t *testing.T, h *harness) {
		for _, step := range []struct {
			job  queue.Job
			want time.Duration
		}{
			{queue.Job{Retain: time.Hour}, time.Hour},
			{queue.Job{ID: "chosen"}, time.Minute},
			{queue.Job{ID: "chosen-2", Retain: 2 * time.Hour}, 2 * time.Hour},
			{queue.Job{ID: "chosen-3", Retain: -1}, 0},
			{queue.Job{}, 0},
		} {
			step.job.Payload = []byte("kept")
			d := h.place(queue.Leased, step.job).d
			h.counted(map[string]int64{"ack": 1}, func() { h.ok(h.b.Ack(h.ctx, d)) })
			if step.want == 0 {
				h.wantState(d.ID, gone)
				continue
			}
			info := h.job(d.ID)
			if info.State != queue.Done || !info.At.Equal(queue.FrozenAt.Add(step.want)) || string(info.Payload) != "kept" {
				t.Errorf("job %+v, want done for %v", info, step.want)
			}
		}
	})
}

// Row 17: a mark is set in the step of the ack and in no other, and is over by Redis's clock.
func TestAckMarks(t *testing.T) {
	onEach(t, func(t *testing.T, h *harness) {
		marked := func(mark string) bool {
			t.Helper()
			is, err := h.b.Marked(h.ctx, sms, mark)
			h.ok(err)
			return is
		}
		d := h.place(queue.Leased, queue.Job{}).d
		d.Mark("order 17\nü", time.Hour)
		h.ok(h.b.Retry(h.ctx, d, 0, nil))
		if marked("order 17\nü") {
			t.Fatal("marked by a retry")
		}
		h.promote(1)
		d = h.leaseOne()
		d.Mark("other", time.Minute)
		d.Mark("order 17\nü", time.Hour)
		h.ok(h.b.Ack(h.ctx, d))
		h.wantState(d.ID, gone)
		if !marked("order 17\nü") || marked("other") || marked("") {
			t.Fatal("want the last mark and no other")
		}

		h.advance(time.Hour - time.Millisecond)
		if !marked("order 17\nü") {
			t.Fatal("forgot a mark before its time")
		}
		h.advance(time.Millisecond)
		if marked("order 17\nü") {
			t.Fatal("the mark outlived its time")
		}
		purged, err := h.b.Purge(h.ctx, sms, queue.PurgeConfig{DeadAge: -1, DeadKeep: -1, DoneKeep: -1})
		if h.ok(err); purged.Marks != 1 || h.rdb.Exists(h.ctx, h.key("marks")).Val() != 0 {
			t.Fatalf("purged %+v", purged)
		}
	})
}

// A stale ack leaves no mark: the job will run again, and must not be taken for done.
func TestAckStaleLeavesNoMark(t *testing.T) {
	onEach(t, func(t *testing.T, h *harness) {
		d := h.place(queue.Leased, queue.Job{Retain: time.Hour}).d
		h.reapAfter(leaseTime, queue.ReapConfig{})
		d.Mark("m", time.Hour)
		h.refused(queue.ErrLeaseLost, func() error { return h.b.Ack(h.ctx, d) })
		if is, err := h.b.Marked(h.ctx, sms, "m"); is || err != nil {
			t.Fatalf("marked %v, %v", is, err)
		}
	})
}

// A batch keeps what is to be kept and drops the rest, marks and all.
func TestAckBatch(t *testing.T) {
	onEach(t, func(t *testing.T, h *harness) {
		for i := range 12 {
			h.enqueue(queue.Job{ID: fmt.Sprint("job-", i), Retain: []time.Duration{-1, time.Hour}[i%2]})
		}
		ds := h.lease(12)
		calls := make([]func() error, len(ds))
		for i, d := range ds {
			if i%3 == 0 {
				d.Mark(fmt.Sprint("mark-", i), time.Hour)
			}
			calls[i] = func() error { return h.b.Ack(h.ctx, d) }
		}
		h.counted(map[string]int64{"ack": 12}, func() {
			for _, err := range h.together("ack", calls...) {
				h.ok(err)
			}
		})
		h.wantDepth(map[queue.State]int64{queue.Done: 6})
		for i := range ds {
			is, err := h.b.Marked(h.ctx, sms, fmt.Sprint("mark-", i))
			if h.ok(err); is != (i%3 == 0) {
				t.Errorf("mark %d: %v", i, is)
			}
		}
	})
}

// AckThen tells its caller later what Ack would have returned, once for each job of a batch.
func TestAckThen(t *testing.T) {
	onEach(t, func(t *testing.T, h *harness) {
		const n = 100
		for i := range n {
			h.enqueue(queue.Job{ID: fmt.Sprint("job-", i), Retain: -1})
		}
		ds := h.lease(n)
		h.ok(h.b.Ack(h.ctx, ds[0]))
		verdicts := make(chan error, n+1)
		h.counted(map[string]int64{"ack": n - 1}, func() {
			for _, d := range ds {
				h.b.AckThen(d, func(err error) { verdicts <- err })
			}
			lost := 0
			for range ds {
				if err := <-verdicts; errors.Is(err, queue.ErrLeaseLost) {
					lost++
				} else {
					h.ok(err)
				}
			}
			if lost != 1 {
				t.Errorf("%d leases lost, want that of the job acked before", lost)
			}
		})
		h.wantDepth(nil)
		h.b.AckThen(&queue.Delivery{}, func(err error) { verdicts <- err })
		if err := <-verdicts; !errors.Is(err, queue.ErrInvalid) {
			t.Errorf("a delivery that Lease did not make: %v", err)
		}
	})
}
