package worker

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dueq-io/dueq/queue"
)

// run is one job from its lease until it is settled.
type run struct {
	d      *queue.Delivery
	ctx    context.Context //nolint:containedctx // it is the job's own, made and ended with it
	cancel context.CancelCauseFunc
	began  time.Time
	// until is when the lease may be over by this process's monotonic clock; guarded by running.mu, as
	// are the neighbours in the list.
	until      time.Time
	prev, next *run
}

// running is the list of jobs that this worker holds a lease of: a ring through head, whose next is the one
// that was leased last.
type running struct {
	mu   sync.Mutex
	head run
	size int
}

func (r *running) add(job *run) {
	r.mu.Lock()
	if r.size == 0 {
		r.head.prev, r.head.next = &r.head, &r.head
	}
	job.prev, job.next = &r.head, r.head.next
	job.prev.next, job.next.prev = job, job
	r.size++
	r.mu.Unlock()
}

func (r *running) remove(job *run) {
	r.mu.Lock()
	job.prev.next, job.next.prev = job.next, job.prev
	r.size--
	r.mu.Unlock()
}

func (r *running) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.size
}

// beside counts the runs beside one that have not been told to end.
func (r *running) beside(one *run) (n int) {
	for _, job := range r.all() {
		if job != one && job.ctx.Err() == nil {
			n++
		}
	}
	return n
}

func (r *running) all() []*run {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := make([]*run, 0, r.size)
	for job := r.head.next; len(out) < r.size; job = job.next {
		out = append(out, job)
	}
	return out
}

// oldest returns the jobs that were leased first, at most n, the first one first.
func (r *running) oldest(n int) []*run {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := make([]*run, 0, min(n, r.size))
	for job := r.head.prev; len(out) < cap(out); job = job.prev {
		out = append(out, job)
	}
	return out
}

// begin makes the run of a job that was just leased. Its slot is reserved already.
func (w *Worker) begin(jobs context.Context, d *queue.Delivery, began time.Time) *run {
	ctx, cancel := context.WithCancelCause(jobs)
	job := &run{d: d, ctx: ctx, cancel: cancel, began: began, until: began.Add(w.trust())}
	w.running.add(job)
	w.tally.started.Add(1)
	return job
}

// trust is how long after a lease or a heartbeat was asked for this worker relies on it: a sixth less
// than the lease, for clocks that drift and processes that pause.
func (w *Worker) trust() time.Duration { return w.cfg.Lease - w.cfg.Lease/6 }

// finish runs the handler and settles. It settles in a deferred call, since a handler may end its
// goroutine (runtime.Goexit), and the job must not hang in its lease then.
func (w *Worker) finish(job *run) {
	verdict := func(ctx context.Context) error {
		return w.fail(ctx, job.d, errors.New("handler ended its goroutine"))
	}
	defer func() {
		w.slots.returned(job.d.Queue)
		switch {
		case w.released.Load():
			w.settled(job)
		case verdict == nil:
			w.ack(job)
		default:
			w.settle(job, func() error { return verdict(context.WithoutCancel(job.ctx)) })
		}
	}()
	verdict = w.execute(job.ctx, job.d)
}

// execute runs what is to be run of a job and returns the verb that settles it, nil for ack.
func (w *Worker) execute(ctx context.Context, d *queue.Delivery) func(ctx context.Context) error {
	if d.Err != nil {
		return func(ctx context.Context) error { return w.bury(ctx, d, queue.ReasonDamaged, d.Err) }
	}
	if d.Expired() && d.OnExpiry != queue.RunExpired {
		return func(ctx context.Context) error { return w.expire(ctx, d) }
	}
	h, ok := w.handlers[d.Kind]
	if !ok {
		h, ok = w.handlers[AnyKind]
	}
	if !ok {
		w.tally.unknown.Add(1)
		w.cfg.Logger.Warn("no handler for kind", "job_id", d.ID, "queue", d.Queue, "kind", d.Kind)
		return func(ctx context.Context) error { return w.broker.Snooze(ctx, d, w.cfg.UnknownDelay) }
	}
	cause := context.Cause(ctx)
	err := cause // of a job that was to end before it began
	if cause == nil {
		err = protect(ctx, h, d)
		cause = context.Cause(ctx)
	}
	if err == nil {
		return nil
	}
	return func(ctx context.Context) error { return w.judge(ctx, d, err, cause) }
}

// protect turns a panic of the handler, or of the error that it returned, into an error.
func protect(ctx context.Context, h Handler, d *queue.Delivery) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &PanicError{Value: v, Stack: debug.Stack()}
		}
	}()
	if err = h.Run(ctx, d); err != nil {
		_ = err.Error()
	}
	return err
}

// judge settles by the error that the handler returned and why its context ended, if it did.
func (w *Worker) judge(ctx context.Context, d *queue.Delivery, err, cause error) error {
	var later *snoozeError
	var rejected *deadError
	switch {
	case errors.Is(cause, queue.ErrLeaseLost):
		return fmt.Errorf("not settled: %w", queue.ErrLeaseLost)
	case errors.Is(cause, queue.ErrCancelled), errors.Is(cause, ErrShutdown):
		return w.broker.Release(ctx, d)
	case errors.As(err, &later):
		return counted(&w.tally.snoozed, w.broker.Snooze(ctx, d, max(later.delay, 0)))
	case errors.As(err, &rejected):
		return w.bury(ctx, d, queue.ReasonRejected, err)
	default:
		return w.fail(ctx, d, err)
	}
}

// fail counts a failure: the job is retried, or dead when it was the last it is allowed.
func (w *Worker) fail(ctx context.Context, d *queue.Delivery, err error) error {
	allowed := d.MaxAttempts
	if allowed == 0 {
		allowed = w.cfg.MaxAttempts
	}
	failures := d.Failures + 1
	if failures >= allowed {
		return w.bury(ctx, d, queue.ReasonExhausted, err)
	}
	delay := w.backoff(d, failures)
	if asked, ok := errors.AsType[*retryInError](err); ok {
		delay = max(asked.delay, 0)
	}
	if failed := w.broker.Retry(ctx, d, delay, err); failed != nil {
		return failed
	}
	w.tally.retried.Add(1)
	w.cfg.Logger.Warn("retry", "job_id", d.ID, "queue", d.Queue, "kind", d.Kind, "attempt", d.Attempt,
		"in", delay, "error", firstLine(err))
	return nil
}

// counted counts a verb that Redis has accepted: one that is repeated while Redis is away counts once.
func counted(n *atomic.Int64, err error) error {
	if err == nil {
		n.Add(1)
	}
	return err
}

// backoff is the wait before the next attempt: the job's own table, the kind's, or the worker's. A panic
// in a function of the caller's must not end the process: the default stands in then.
func (w *Worker) backoff(d *queue.Delivery, failures int) (delay time.Duration) {
	defer func() {
		if v := recover(); v != nil {
			w.cfg.Logger.Error("panic in Backoff", "kind", d.Kind, "error", v)
			delay = queue.Exponential(firstRetryWithin, everyRetryWithin)(failures)
		}
	}()
	wait := w.cfg.Backoff
	if b := w.cfg.Backoffs[d.Kind]; b != nil {
		wait = b
	}
	if len(d.Backoff) > 0 {
		wait = queue.Table(d.Backoff...)
	}
	return max(wait(failures), 0)
}

// bury makes the job dead and tells the hook.
func (w *Worker) bury(ctx context.Context, d *queue.Delivery, reason queue.Reason, err error) error {
	if failed := w.broker.Bury(ctx, d, reason, err); failed != nil {
		return failed
	}
	w.tally.dead.Add(1)
	w.cfg.Logger.Error("dead", "job_id", d.ID, "queue", d.Queue, "kind", d.Kind, "attempt", d.Attempt,
		"reason", reason, "error", firstLine(err))
	if w.cfg.OnDead != nil {
		w.onDead(ctx, d, reason, err)
	}
	return nil
}

// onDead calls the hook; a panic in it must not look like one of the handler.
func (w *Worker) onDead(ctx context.Context, d *queue.Delivery, reason queue.Reason, err error) {
	defer func() {
		if v := recover(); v != nil {
			w.cfg.Logger.Error("panic in OnDead", "job_id", d.ID, "error", v)
		}
	}()
	w.cfg.OnDead(ctx, d, reason, err)
}

// expire settles a job that had not started when its Expires passed.
func (w *Worker) expire(ctx context.Context, d *queue.Delivery) error {
	if d.OnExpiry == queue.DropExpired {
		return counted(&w.tally.expired, w.broker.Drop(ctx, d))
	}
	return counted(&w.tally.expired, w.bury(ctx, d, queue.ReasonExpired, nil))
}
