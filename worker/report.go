package worker

import (
	"github.com/dueq-io/dueq/queue"
)

const (
	// reportedJobs and reportedQueues bound what is said in a beat.
	reportedJobs   = 25
	reportedQueues = 100
)

// report is what operators see of the worker.
func (w *Worker) report() queue.WorkerReport {
	r := queue.WorkerReport{
		State: w.state(), Queues: map[string]int{}, Concurrency: w.cfg.Concurrency,
		Busy: w.running.count(), Counts: w.Stats().counts(),
	}
	names := w.queueNames()
	for _, name := range names[:min(len(names), reportedQueues)] {
		r.Queues[name] = w.cfg.Queues[name]
	}
	for _, job := range w.running.oldest(reportedJobs) {
		r.Running = append(r.Running, queue.RunningJob{
			ID: job.d.ID, Queue: job.d.Queue, Kind: job.d.Kind, Attempt: job.d.Attempt, Since: job.began,
			Run: job.d.Run(),
		})
	}
	return r
}

func (w *Worker) state() queue.WorkerState {
	select {
	case <-w.draining:
		return queue.WorkerStopping
	case <-w.quiet:
		return queue.WorkerQuiet
	default:
		return queue.WorkerRunning
	}
}

// wish follows an operator.
func (w *Worker) wish(state queue.WorkerState) {
	w.quietOnce.Do(func() { close(w.quiet) })
	if state == queue.WorkerStopping {
		w.stopOnce.Do(func() { close(w.stop) })
	}
}

// counts are the numbers of Stats by their names in JSON, less Running.
func (s Stats) counts() map[string]int64 {
	return map[string]int64{
		"started": s.Started, "done": s.Done, "retried": s.Retried, "snoozed": s.Snoozed, "dead": s.Dead,
		"expired": s.Expired, "unknown": s.Unknown, "leases_lost": s.LeasesLost, "unsettled": s.Unsettled,
	}
}
