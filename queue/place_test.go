package queue_test

import (
	"errors"
	"sync"
	"time"

	"github.com/dueq-io/dueq/internal/redistest"
	"github.com/dueq-io/dueq/queue"
)

// placed is a job that was brought into a state, with the delivery of its last lease if it had one.
type placed struct {
	id string
	d  *queue.Delivery
}

// place brings a new job into a state. No other job may be ready.
func (h *harness) place(state queue.State, j queue.Job) placed {
	h.t.Helper()
	switch state {
	case queue.Delayed:
		j.Delay = time.Hour
		return placed{id: h.enqueue(j)}
	case queue.Ready:
		return placed{id: h.enqueue(j)}
	case queue.Done:
		j.Retain = time.Hour
	case queue.Leased, queue.Retrying, queue.Dead:
	}
	h.enqueue(j)
	d := h.leaseOne()
	var err error
	switch state {
	case queue.Retrying:
		err = h.b.Retry(h.ctx, d, time.Hour, errors.New("first"))
	case queue.Dead:
		err = h.b.Bury(h.ctx, d, queue.ReasonRejected, errors.New("last"))
	case queue.Done:
		err = h.b.Ack(h.ctx, d)
	case queue.Leased, queue.Delayed, queue.Ready:
	}
	h.ok(err)
	h.wantState(d.ID, state)
	return placed{id: d.ID, d: d}
}

// together makes calls of one verb in one script call, in their order, as group commit does with calls
// that come at one moment.
func (h *harness) together(verb string, calls ...func() error) []error {
	h.t.Helper()
	release := queue.Hold(h.c, sms, verb)
	errs := make([]error, len(calls))
	var wg sync.WaitGroup
	for i, call := range calls {
		wg.Go(func() { errs[i] = call() })
		redistest.Eventually(h.t, 10*time.Second, func() bool { return queue.Waiting(h.c, sms, verb) == i+1 })
	}
	release()
	wg.Wait()
	return errs
}
