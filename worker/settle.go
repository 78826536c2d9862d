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

// insist repeats a verb whose first call answered err while Redis is away, for as long as the lease may
// still be in force; after that the job is another worker's.
func (w *Worker) insist(job *run, verb func() error, err error) {
	var pause backoff
	last := time.Now().Add(w.cfg.Lease)
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
		case !away(err), time.Now().After(last):
			w.tally.unsettled.Add(1)
			w.cfg.Logger.Error("job not settled, it will run again", "job_id", job.d.ID,
				"queue", job.d.Queue, "kind", job.d.Kind, "error", err)
			return
		}
		pause.failed()
		timer := time.NewTimer(pause.pause)
		<-timer.C
		err = verb()
	}
}

// settled ends what start began.
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
