package queue_test

import (
	"testing"
	"time"

	"github.com/dueq-io/dueq/queue"
)

// What a stopping worker gives back goes to the head, in its order, before what came later.
func TestReleaseGoesToTheHead(t *testing.T) {
	onEach(t, func(t *testing.T, h *harness) {
		for _, id := range []string{"a", "b", "c", "d"} {
			h.enqueue(queue.Job{ID: id})
		}
		var calls []func() error
		for _, d := range h.lease(3) {
			calls = append(calls, func() error { return h.b.Release(h.ctx, d) })
		}
		for _, err := range h.together("release", calls...) {
			h.ok(err)
		}
		equal(t, idsOf(h.lease(5)), []string{"a", "b", "c", "d"})
	})
}

// A shutdown is not the job's fault: the attempt is not counted, and the due time stays what it was.
func TestReleaseCountsNothing(t *testing.T) {
	onEach(t, func(t *testing.T, h *harness) {
		h.enqueue(queue.Job{})
		for range 5 {
			d := h.leaseOne()
			if d.Attempt != 1 || !d.Due.Equal(queue.FrozenAt) {
				t.Fatalf("attempt %d, due %v", d.Attempt, d.Due)
			}
			h.advance(time.Second)
			h.ok(h.b.Release(h.ctx, d))
		}
		if late := h.leaseOne().Lateness(); late != 5*time.Second {
			t.Fatalf("late by %v", late)
		}
	})
}

// Somebody is woken for what was given back.
func TestReleaseWakes(t *testing.T) {
	onEach(t, func(t *testing.T, h *harness) {
		d := h.place(queue.Leased, queue.Job{}).d
		h.ok(h.rdb.Del(h.ctx, h.key("wake")).Err())
		h.ok(h.b.Release(h.ctx, d))
		if n := h.rdb.LLen(h.ctx, h.key("wake")).Val(); n != 1 {
			t.Fatalf("%d tokens in wake", n)
		}
	})
}
