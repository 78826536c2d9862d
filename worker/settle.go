package worker

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/dueq-io/dueq/queue"
)

// settle ends a run by the verb that ends its lease.
func (w *Worker) settle(job *run, verb func() error) {
	w.insist(job, verb, verb())
	w.settled(job)
}

// ack is settle for a job that is done, which does not wait for the answer: the goroutine that ran the
// handler has the next job to run.
func (w *Worker) ack(job *run) {
	w.broker.AckThen(job.d, func(err error) {
		if err == nil {
			w.tally.done.Add(1)
			w.settled(job)
			return
		}
		go func() {
			w.insist(job, func() error {
				return counted(&w.tally.done, w.broker.Ack(context.WithoutCancel(job.ctx), job.d))
			}, err)
			w.settled(job)
		}()
	})
}

// insist repeats a verb whose first call answered err until Redis is back and has the last word. However
// long that takes, the lease may still be in force then: while Redis is away nobody reaps, and when it is
// back the reaper grants a grace. It ends with the worker.
func (w *Worker) insist(job *run, verb func() error, err error) {
	var pause backoff
	for repeated := false; ; repeated = true {
		switch {
		case err == nil, errors.Is(err, queue.ErrCancelled):
			return
		case errors.Is(err, queue.ErrLeaseLost):
			// After an unknown outcome this may be the answer to our own first call.
			if !repeated {
				w.tally.lost.Add(1)
				w.cfg.Logger.Warn("lease lost before the job was settled", "job_id", job.d.ID,
					"queue", job.d.Queue, "kind", job.d.Kind, "attempt", job.d.Attempt)
			}
			return
		case !away(err), closed(w.stopped):
			w.tally.unsettled.Add(1)
			w.cfg.Logger.Error("job not settled, it will run again", "job_id", job.d.ID,
				"queue", job.d.Queue, "kind", job.d.Kind, "error", err)
			return
		}
		pause.failed()
		timer := time.NewTimer(pause.pause)
		select {
		case <-timer.C:
		case <-w.stopped:
			timer.Stop()
		}
		err = verb()
	}
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// settled ends what begin began.
func (w *Worker) settled(job *run) {
	w.running.remove(job)
	w.slots.settled()
	job.cancel(nil)
}

// firstLine is the error without the stack that may follow it.
func firstLine(err error) string {
	if err == nil {
		return ""
	}
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}
