package queue_test

import (
	"errors"
	"testing"
	"time"

	"github.com/dueq-io/dueq/queue"
)

// Row 18: a dead job runs again as new, its counts reset, and due at the moment of the call.
func TestRequeueDead(t *testing.T) {
	onEach(t, func(t *testing.T, h *harness) {
		id := h.place(queue.Dead, queue.Job{Payload: []byte("same"), Priority: queue.Low}).id
		h.advance(time.Hour)
		h.counted(map[string]int64{"requeue": 1}, func() { h.ok(h.in.Requeue(h.ctx, sms, id)) })
		h.wantDepth(map[queue.State]int64{queue.Ready: 1})
		if info := h.job(id); info.Failures != 0 || info.Reason != "" || len(info.Errors) != 0 {
			t.Fatalf("job %+v", info)
		}
		d := h.leaseOne()
		if d.Attempt != 1 || d.Failures+d.LostLeases != 0 || string(d.Payload) != "same" || d.Lateness() != 0 {
			t.Fatalf("leased %+v", d)
		}
		h.ok(h.b.Ack(h.ctx, d))
		h.traceless(id)
	})
}

// A kept job runs again too.
func TestRequeueDone(t *testing.T) {
	onEach(t, func(_ *testing.T, h *harness) {
		id := h.place(queue.Done, queue.Job{}).id
		h.ok(h.in.Requeue(h.ctx, sms, id))
		h.wantDepth(map[queue.State]int64{queue.Ready: 1})
		h.ok(h.b.Ack(h.ctx, h.leaseOne()))
		h.wantState(id, queue.Done)
	})
}

// A job that lives is not made ready a second time, and one that is not there is not found.
func TestRequeueRefused(t *testing.T) {
	for _, state := range []queue.State{queue.Delayed, queue.Ready, queue.Leased, queue.Retrying} {
		t.Run(string(state), func(t *testing.T) {
			onEach(t, func(_ *testing.T, h *harness) {
				id := h.place(state, queue.Job{}).id
				h.refused(queue.ErrNotEnded, func() error { return h.in.Requeue(h.ctx, sms, id) })
				h.refused(queue.ErrNotFound, func() error { return h.in.Requeue(h.ctx, sms, "no-such-job") })
				h.refused(queue.ErrNotFound, func() error { return h.in.Requeue(h.ctx, "other", id) })
			})
		})
	}
}

// Two calls in one script call make one entry.
func TestRequeueTwiceInOneBatch(t *testing.T) {
	onEach(t, func(t *testing.T, h *harness) {
		id := h.place(queue.Dead, queue.Job{}).id
		requeue := func() error { return h.in.Requeue(h.ctx, sms, id) }
		errs := h.together("requeue", requeue, requeue)
		if errs[0] != nil || !errors.Is(errs[1], queue.ErrNotEnded) {
			t.Fatalf("got %v", errs)
		}
		h.leaseOne()
		h.leaseNone()
	})
}

// Somebody is woken for it.
func TestRequeueWakes(t *testing.T) {
	onEach(t, func(t *testing.T, h *harness) {
		id := h.place(queue.Dead, queue.Job{}).id
		h.ok(h.rdb.Del(h.ctx, h.key("wake")).Err())
		h.ok(h.in.Requeue(h.ctx, sms, id))
		if n := h.rdb.LLen(h.ctx, h.key("wake")).Val(); n != 1 {
			t.Fatalf("%d tokens in wake", n)
		}
	})
}
