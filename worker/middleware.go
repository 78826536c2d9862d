package worker

import (
	"context"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/dueq-io/dueq/queue"
)

// Recover returns middleware that turns a panic into a *PanicError. A Worker does so anyway, outside
// of all middleware; with Recover inside, middleware such as Log sees the panic as an error.
func Recover() Middleware {
	return func(next Handler) Handler {
		return HandlerFunc(func(ctx context.Context, d *queue.Delivery) (err error) {
			defer func() {
				if v := recover(); v != nil {
					err = &PanicError{Value: v, Stack: debug.Stack()}
				}
			}()
			return next.Run(ctx, d)
		})
	}
}

// Timeout returns middleware that ends the handler's context after limit, with the cause
// context.DeadlineExceeded. The slot stays taken until the handler returns.
func Timeout(limit time.Duration) Middleware {
	return func(next Handler) Handler {
		return HandlerFunc(func(ctx context.Context, d *queue.Delivery) error {
			ctx, cancel := context.WithTimeout(ctx, limit)
			defer cancel()
			return next.Run(ctx, d)
		})
	}
}

// Log returns middleware that logs each run at debug when it starts and ends, and at warn when it
// fails. Payloads and headers are not logged.
func Log(logger *slog.Logger) Middleware {
	return func(next Handler) Handler {
		return HandlerFunc(func(ctx context.Context, d *queue.Delivery) error {
			l := logger.With("job_id", d.ID, "queue", d.Queue, "kind", d.Kind, "attempt", d.Attempt)
			l.DebugContext(ctx, "job starts", "lateness", d.Lateness())
			began := time.Now()
			err := next.Run(ctx, d)
			if err != nil {
				l.WarnContext(ctx, "job failed", "took", time.Since(began), "error", firstLine(err))
				return err
			}
			l.DebugContext(ctx, "job done", "took", time.Since(began))
			return nil
		})
	}
}
