package queuetest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/dueq-io/dueq/queue"
)

// Handlers are what runs jobs, by kind. The kind "*" is for all that have none of their own. A
// worker.Handler is passed by its method Run.
type Handlers map[string]func(ctx context.Context, d *queue.Delivery) error

const (
	anyKind = "*"
	// unknownDelay is how long a job without a handler is snoozed, as by a worker.
	unknownDelay = time.Minute
)

// RunDue runs all jobs that are due, one after another, queue by queue, until none is: also those that
// the handlers enqueue. It settles them as a worker does, by what the handler returns, so that a failed
// job waits for its next attempt, and says how many ran. A kind without a handler is an error of the
// test. A panic is passed on.
func (q *Queue) RunDue(ctx context.Context, handlers Handlers) (runs int) {
	q.tb.Helper()
	for {
		d := q.next(ctx)
		if d == nil {
			return runs
		}
		if err := q.run(ctx, d, handlers, &runs); err != nil && !errors.Is(err, queue.ErrCancelled) {
			q.tb.Errorf("queuetest: job %s of kind %s was not settled: %v", d.ID, d.Kind, err)
		}
		if runs >= q.maxRuns {
			q.tb.Fatalf("queuetest: %d jobs ran and more are due: they make each other due for ever", runs)
			return runs
		}
	}
}

// next leases the next job that is due, or returns nil.
func (q *Queue) next(ctx context.Context) *queue.Delivery {
	q.tb.Helper()
	for _, name := range q.names(ctx) {
		q.promote(ctx, name)
		got, _, err := q.Client.Broker().Lease(ctx, name, 1, queue.MaxLease)
		switch {
		case errors.Is(err, queue.ErrPaused):
		case err != nil:
			q.tb.Fatalf("queuetest: %v", err)
		case len(got) > 0:
			return got[0]
		}
	}
	return nil
}

// run runs a job and settles it.
func (q *Queue) run(ctx context.Context, d *queue.Delivery, handlers Handlers, runs *int) error {
	q.tb.Helper()
	b := q.Client.Broker()
	if d.Err != nil {
		return b.Bury(ctx, d, queue.ReasonDamaged, d.Err)
	}
	if d.Expired() && d.OnExpiry == queue.DropExpired {
		return b.Drop(ctx, d)
	}
	if d.Expired() && d.OnExpiry == queue.BuryExpired {
		return b.Bury(ctx, d, queue.ReasonExpired, nil)
	}
	h, ok := handlers[d.Kind]
	if !ok {
		h, ok = handlers[anyKind]
	}
	if !ok {
		q.tb.Errorf("queuetest: no handler for kind %q: %s", d.Kind, describe(d.Job))
		return b.Snooze(ctx, d, unknownDelay)
	}
	*runs++
	return q.settle(ctx, d, h(ctx, d))
}

// The errors of package worker say by these methods what is to become of a job.
type (
	retryLater interface{ RetryDelay() time.Duration }
	snoozed    interface{ SnoozeDelay() time.Duration }
	rejected   interface{ Rejected() bool }
)

func (q *Queue) settle(ctx context.Context, d *queue.Delivery, err error) error {
	b := q.Client.Broker()
	if err == nil {
		return b.Ack(ctx, d)
	}
	var later snoozed
	if errors.As(err, &later) {
		return b.Snooze(ctx, d, max(later.SnoozeDelay(), 0))
	}
	var never rejected
	if errors.As(err, &never) {
		return b.Bury(ctx, d, queue.ReasonRejected, err)
	}
	allowed := q.MaxAttempts
	if d.MaxAttempts > 0 {
		allowed = d.MaxAttempts
	}
	failures := d.Failures + 1
	if failures >= allowed {
		return b.Bury(ctx, d, queue.ReasonExhausted, err)
	}
	wait := q.Backoff
	if len(d.Backoff) > 0 {
		wait = queue.Table(d.Backoff...)
	}
	delay := wait(failures)
	var asked retryLater
	if errors.As(err, &asked) {
		delay = asked.RetryDelay()
	}
	return b.Retry(ctx, d, max(delay, 0), err)
}

// describe is a job in one line.
func describe(j queue.Job) string {
	return fmt.Sprintf("job %s in queue %s, kind %s, payload %s", j.ID, j.Queue, j.Kind, quote(j.Payload))
}
