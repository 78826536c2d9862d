package queue_test

import (
	"errors"
	"testing"
	"time"

	"github.com/dueq-io/dueq/queue"
)

// Row 18: a dead job says when, why, after how many failures and with which errors; only what the
// handler did counts as a failure.
func TestBury(t *testing.T) {
	for reason, failures := range map[queue.Reason]int{
		queue.ReasonExhausted: 2, queue.ReasonRejected: 2,
		queue.ReasonExpired: 1, queue.ReasonDamaged: 1, queue.ReasonCrashLoop: 1,
	} {
		t.Run(string(reason), func(t *testing.T) {
			onEach(t, func(t *testing.T, h *harness) {
				id := h.enqueue(queue.Job{Payload: []byte("kept")})
				h.ok(h.b.Retry(h.ctx, h.leaseOne(), 0, errors.New("first")))
				h.promote(1)
				d := h.leaseOne()
				h.advance(time.Second)
				h.counted(map[string]int64{"bury": 1}, func() { h.ok(h.b.Bury(h.ctx, d, reason, errors.New("last"))) })
				info := h.job(id)
				if info.State != queue.Dead || info.Reason != reason || info.Failures != failures ||
					!info.At.Equal(queue.FrozenAt.Add(time.Second)) || string(info.Payload) != "kept" {
					t.Errorf("job %+v", info)
				}
				if len(info.Errors) != 2 || info.Errors[0].Error != "last" || info.Errors[1].Error != "first" {
					t.Errorf("errors %+v", info.Errors)
				}
				h.promote(0)
				h.leaseNone()
			})
		})
	}
}

// Without a cause nothing is counted, but the reason is there.
func TestBuryWithoutCause(t *testing.T) {
	onEach(t, func(t *testing.T, h *harness) {
		d := h.place(queue.Leased, queue.Job{}).d
		h.ok(h.b.Bury(h.ctx, d, queue.ReasonRejected, nil))
		if info := h.job(d.ID); info.Failures != 0 || len(info.Errors) != 0 || info.Reason != queue.ReasonRejected {
			t.Fatalf("job %+v", info)
		}
	})
}

// A dropped job leaves a count and nothing else.
func TestDrop(t *testing.T) {
	onEach(t, func(_ *testing.T, h *harness) {
		d := h.place(queue.Leased, queue.Job{
			ID: "expired-17", OnExpiry: queue.DropExpired, Expires: queue.FrozenAt, Retain: time.Hour, Priority: queue.High,
		}).d
		h.counted(map[string]int64{"drop": 1}, func() { h.ok(h.b.Drop(h.ctx, d)) })
		h.traceless(d.ID)
	})
}

// Burying and dropping come in one script call and do not mix up.
func TestBuryAndDropInOneBatch(t *testing.T) {
	onEach(t, func(t *testing.T, h *harness) {
		for _, id := range []string{"a", "b", "c", "d"} {
			h.enqueue(queue.Job{ID: id})
		}
		ds := h.lease(4)
		errs := h.together("bury",
			func() error { return h.b.Drop(h.ctx, ds[0]) },
			func() error { return h.b.Bury(h.ctx, ds[1], queue.ReasonExpired, nil) },
			func() error { return h.b.Drop(h.ctx, ds[2]) },
			func() error { return h.b.Bury(h.ctx, ds[3], queue.ReasonExhausted, errors.New("x")) })
		h.ok(errors.Join(errs...))
		h.wantDepth(map[queue.State]int64{queue.Dead: 2})
		if b, d := h.job("b"), h.job("d"); b.Reason != queue.ReasonExpired || d.Reason != queue.ReasonExhausted || d.Failures != 1 {
			t.Fatalf("b %+v, d %+v", b, d)
		}
	})
}
