package worker

import (
	"context"
	"errors"
	"time"

	"github.com/dueq-io/dueq/queue"
)

const (
	// beatsPerLease is how often a lease is extended within its own length.
	beatsPerLease = 3
	// beatRetry is how soon a failed heartbeat is repeated, so that leases are confirmed as soon as
	// Redis is back.
	beatRetry = 500 * time.Millisecond
)

// heartbeat extends the leases of all running jobs until ctx ends.
func (w *Worker) heartbeat(ctx context.Context) {
	var pause backoff
	wait := w.cfg.Lease / beatsPerLease
	for {
		sleep(ctx, wait)
		if ctx.Err() != nil {
			return
		}
		wait = w.cfg.Lease / beatsPerLease
		if err := w.beat(ctx); err != nil {
			wait = min(wait, beatRetry)
			w.failed(&pause, "heartbeat", err)
		}
	}
}

// beat extends the leases once and ends the contexts of jobs that are to stop.
func (w *Worker) beat(ctx context.Context) error {
	now := time.Now()
	jobs := w.alive(now)
	if len(jobs) == 0 {
		return nil
	}
	deliveries := make([]*queue.Delivery, len(jobs))
	for i, job := range jobs {
		deliveries[i] = job.d
	}
	call, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	verdicts, err := w.broker.Extend(call, deliveries, w.cfg.Lease)
	if err != nil {
		w.endUntrusted(jobs, time.Now())
		return err
	}
	w.running.mu.Lock()
	defer w.running.mu.Unlock()
	for i, job := range jobs {
		switch {
		case verdicts[i] == nil:
			job.until = now.Add(w.trust())
		case errors.Is(verdicts[i], queue.ErrLeaseLost):
			// A job that was settled meanwhile has no token either; its context has ended already.
			job.cancel(queue.ErrLeaseLost)
		default:
			job.cancel(verdicts[i])
		}
	}
	return nil
}

// watchSoonest spaces looks at handlers that reach their time one after another.
const watchSoonest = 10 * time.Millisecond

// watch ends the contexts of handlers that have run for MaxRuntime, when they have, until ctx ends.
func (w *Worker) watch(ctx context.Context) {
	for ctx.Err() == nil {
		next := w.cfg.MaxRuntime
		for _, job := range w.running.all() {
			if left := w.cfg.MaxRuntime - time.Since(job.began); left > 0 {
				next = min(next, left)
			} else {
				job.cancel(ErrMaxRuntime)
			}
		}
		sleep(ctx, max(next, watchSoonest))
	}
}

// alive returns the jobs whose leases are to be kept. A handler that does not even return when its
// context has ended loses its lease, so that another worker may try.
func (w *Worker) alive(now time.Time) []*run {
	all := w.running.all()
	if w.cfg.MaxRuntime < 0 {
		return all
	}
	keep := all[:0]
	for _, job := range all {
		over := now.Sub(job.began) - w.cfg.MaxRuntime
		if over < w.cfg.Lease {
			keep = append(keep, job)
		} else if over < w.cfg.Lease+w.cfg.Lease/beatsPerLease {
			w.cfg.Logger.Error("handler does not return, its job is given up", "job_id", job.d.ID,
				"queue", job.d.Queue, "kind", job.d.Kind)
		}
	}
	return keep
}

// endUntrusted ends the contexts of jobs whose leases may be over, as Redis could not be asked.
func (w *Worker) endUntrusted(jobs []*run, now time.Time) {
	w.running.mu.Lock()
	defer w.running.mu.Unlock()
	for _, job := range jobs {
		if now.After(job.until) {
			job.cancel(queue.ErrLeaseLost)
		}
	}
}
