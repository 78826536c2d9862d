package worker

import (
	"errors"
	"strings"
	"time"

	"github.com/dueq-io/dueq/queue"
)

// settle carries out the verb that ends a lease. While Redis is away it is repeated, for as long as the
// lease may still be in force; after that the job is another worker's.
func (w *Worker) settle(job *run, verb func() error) {
	var pause backoff
	last := time.Now().Add(w.cfg.Lease)
	for repeated := false; ; repeated = true {
		err := verb()
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
	}
}

// firstLine is the error without the stack that may follow it.
func firstLine(err error) string {
	if err == nil {
		return ""
	}
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}
