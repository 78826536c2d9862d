package worker

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/dueq-io/dueq/queue"
)

// Handler runs jobs of one kind. It must be idempotent: a job can be run more than once.
//
// What it returns settles the job: nil acks it; an error is a failure, after which the job is retried
// or, at its last attempt, dead; RetryIn, Snooze and Dead say it more precisely. When ctx ends,
// context.Cause tells why: queue.ErrLeaseLost, queue.ErrCancelled, ErrShutdown or ErrMaxRuntime. A
// handler should return soon then: its slot is free only when it has returned.
type Handler interface {
	Run(ctx context.Context, d *queue.Delivery) error
}

// HandlerFunc is a function as a Handler.
type HandlerFunc func(ctx context.Context, d *queue.Delivery) error

// Run calls the function.
func (f HandlerFunc) Run(ctx context.Context, d *queue.Delivery) error { return f(ctx, d) }

// Middleware wraps a Handler.
type Middleware func(Handler) Handler

// AnyKind is the kind of the handler for jobs whose kind has none of its own.
const AnyKind = "*"

// HandleJSON sets a handler that gets the payload decoded from JSON. A payload that is not JSON for T
// makes the job dead: no retry can mend it.
func HandleJSON[T any](w *Worker, kind string, run func(ctx context.Context, d *queue.Delivery, body T) error) {
	w.Handle(kind, HandlerFunc(func(ctx context.Context, d *queue.Delivery) error {
		var body T
		if err := json.Unmarshal(d.Payload, &body); err != nil {
			return Dead(fmt.Errorf("decode payload: %w", err))
		}
		return run(ctx, d, body)
	}))
}
