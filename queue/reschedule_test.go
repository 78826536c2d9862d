package queue_test

import (
	"errors"
	"testing"
	"time"

	"github.com/dueq-io/dueq/queue"
)

// Row 2: closing a connection after 15 minutes. A byte at minute 14 puts it off to minute 29, exactly.
func TestReschedule(t *testing.T) {
	onEach(t, func(t *testing.T, h *harness) {
		h.enqueue(queue.Job{ID: "conn-1", Delay: 15 * time.Minute})
		h.advance(14 * time.Minute)
		h.counted(map[string]int64{"reschedule": 1}, func() {
			h.ok(h.c.Reschedule(h.ctx, sms, "conn-1", 15*time.Minute))
		})
		h.advance(15*time.Minute - time.Millisecond)
		h.promote(0)
		h.advance(time.Millisecond)
		h.promote(1)
		if d := h.leaseOne(); !d.Due.Equal(queue.FrozenAt.Add(29*time.Minute)) || d.Lateness() != 0 {
			t.Fatalf("due at %v", d.Due.Sub(queue.FrozenAt))
		}
	})
}

// Each state but the two that wait has an answer of its own, and nothing changes.
func TestRescheduleInEachState(t *testing.T) {
	want := map[queue.State]error{
		queue.Ready: queue.ErrAlreadyDue, queue.Leased: queue.ErrRunning,
		queue.Dead: queue.ErrEnded, queue.Done: queue.ErrEnded,
	}
	for _, state := range queue.States() {
		t.Run(string(state), func(t *testing.T) {
			onEach(t, func(t *testing.T, h *harness) {
				id := h.place(state, queue.Job{}).id
				reschedule := func() error { return h.c.Reschedule(h.ctx, sms, id, time.Minute) }
				if err := want[state]; err != nil {
					h.refused(err, reschedule)
					return
				}
				before := h.job(id)
				h.counted(map[string]int64{"reschedule": 1}, func() { h.ok(reschedule()) })
				info := h.job(id)
				if info.State != state || !info.At.Equal(queue.FrozenAt.Add(time.Minute)) || info.Failures != before.Failures {
					t.Fatalf("job %+v", info)
				}
				// A time that has come stays: the mover is about to take it.
				h.advance(time.Minute)
				h.refused(queue.ErrAlreadyDue, reschedule)
				h.promote(1)
			})
		})
	}
}

// An ID that is not there, or is in another queue, is not found.
func TestRescheduleUnknown(t *testing.T) {
	onEach(t, func(_ *testing.T, h *harness) {
		id := h.enqueue(queue.Job{Delay: time.Hour})
		h.refused(queue.ErrNotFound, func() error { return h.c.Reschedule(h.ctx, sms, "no-such-job", 0) })
		h.refused(queue.ErrNotFound, func() error { return h.c.Reschedule(h.ctx, "other", id, 0) })
	})
}

// To an absolute time, later or earlier; one that has passed is now.
func TestRescheduleAt(t *testing.T) {
	onEach(t, func(t *testing.T, h *harness) {
		id := h.enqueue(queue.Job{Delay: time.Hour})
		for at, want := range map[time.Duration]time.Duration{
			2 * time.Hour: 2 * time.Hour, time.Minute: time.Minute, time.Minute + time.Microsecond: time.Minute + time.Millisecond,
		} {
			h.ok(h.c.RescheduleAt(h.ctx, sms, id, queue.FrozenAt.Add(at)))
			if got := h.job(id).At.Sub(queue.FrozenAt); got != want {
				t.Errorf("due at %v, want %v", got, want)
			}
		}
		h.ok(h.c.RescheduleAt(h.ctx, sms, id, queue.FrozenAt.Add(-time.Hour)))
		h.promote(1)
		if d := h.leaseOne(); d.Lateness() != 0 {
			t.Fatalf("late by %v", d.Lateness())
		}
	})
}

// The mover hears of it when a job is put before all others, and only then.
func TestRescheduleTicks(t *testing.T) {
	onEach(t, func(t *testing.T, h *harness) {
		h.place(queue.Retrying, queue.Job{ID: "retrying"})
		h.enqueue(queue.Job{ID: "delayed", Delay: 30 * time.Minute})
		for _, step := range []struct {
			id    string
			delay time.Duration
			ticks int64
		}{{"delayed", 20 * time.Minute, 1}, {"delayed", 40 * time.Minute, 0}, {"retrying", 10 * time.Minute, 1}} {
			h.ok(h.rdb.Del(h.ctx, h.key("tick")).Err())
			h.ok(h.c.Reschedule(h.ctx, sms, step.id, step.delay))
			if n := h.rdb.LLen(h.ctx, h.key("tick")).Val(); n != step.ticks {
				t.Errorf("%s to %v: %d ticks", step.id, step.delay, n)
			}
		}
	})
}

// Of several calls for one job in one script call, the last one counts, as if they had come one by one.
func TestRescheduleTwiceInOneBatch(t *testing.T) {
	onEach(t, func(t *testing.T, h *harness) {
		id := h.enqueue(queue.Job{Delay: time.Hour})
		to := func(d time.Duration) func() error {
			return func() error { return h.c.Reschedule(h.ctx, sms, id, d) }
		}
		errs := h.together("reschedule", to(2*time.Hour), to(3*time.Hour), to(30*time.Minute))
		h.ok(errors.Join(errs...))
		if at := h.job(id).At; !at.Equal(queue.FrozenAt.Add(30 * time.Minute)) {
			t.Fatalf("due %v", at)
		}
	})
}
