package queue_test

import (
	"errors"
	"testing"
	"time"

	"github.com/dueq-io/dueq/queue"
)

// A snooze is no failure: nothing is counted against the job, and what was counted before stays.
func TestSnoozeCountsNothing(t *testing.T) {
	onEach(t, func(t *testing.T, h *harness) {
		id := h.enqueue(queue.Job{MaxAttempts: 1})
		h.ok(h.b.Retry(h.ctx, h.leaseOne(), 0, errors.New("one failure")))
		h.promote(1)
		for range 3 {
			d := h.leaseOne()
			if d.Attempt != 2 || d.Failures != 1 {
				t.Fatalf("attempt %d after %d failures", d.Attempt, d.Failures)
			}
			h.ok(h.b.Snooze(h.ctx, d, time.Minute))
			h.wantState(id, queue.Delayed)
			h.advance(time.Minute - time.Millisecond)
			h.promote(0)
			h.advance(time.Millisecond)
			h.promote(1)
		}
		if info := h.job(id); info.Failures != 1 || info.Errors[0].Error != "one failure" {
			t.Fatalf("job %+v", info)
		}
	})
}

// A snoozed job is due anew: its lateness does not count the time it was put off.
func TestSnoozeMovesTheDueTime(t *testing.T) {
	onEach(t, func(t *testing.T, h *harness) {
		h.enqueue(queue.Job{})
		h.ok(h.b.Snooze(h.ctx, h.leaseOne(), time.Hour))
		h.advance(time.Hour + time.Second)
		h.promote(1)
		if d := h.leaseOne(); d.Lateness() != time.Second || !d.Due.Equal(queue.FrozenAt.Add(time.Hour)) {
			t.Fatalf("late by %v", d.Lateness())
		}
	})
}

// The mover hears of a snooze that ends before all other waits.
func TestSnoozeTicks(t *testing.T) {
	onEach(t, func(t *testing.T, h *harness) {
		h.place(queue.Delayed, queue.Job{})
		for i, delay := range []time.Duration{2 * time.Hour, time.Minute} {
			d := h.place(queue.Leased, queue.Job{}).d
			h.ok(h.rdb.Del(h.ctx, h.key("tick")).Err())
			h.ok(h.b.Snooze(h.ctx, d, delay))
			if n := h.rdb.LLen(h.ctx, h.key("tick")).Val(); n != int64(i) {
				t.Errorf("snooze of %v: %d ticks", delay, n)
			}
		}
	})
}
