package queue_test

import (
	"time"

	"github.com/dueq-io/dueq/queue"
)

// reapAfter lets time pass and ends the leases that ran out meanwhile. The first pass after a stall
// only notes the time, so it takes two.
func (h *harness) reapAfter(d time.Duration, cfg queue.ReapConfig) queue.Reaping {
	h.t.Helper()
	h.advance(d)
	_, err := h.b.Reap(h.ctx, sms, cfg)
	h.ok(err)
	h.advance(3 * time.Second)
	r, err := h.b.Reap(h.ctx, sms, cfg)
	h.ok(err)
	return r
}
