package worker

import (
	"context"
	"time"
)

// start runs jobs that were leased together. It returns at once, but for one that may be what ends its
// worker: lease gives that alone.
func (w *Worker) start(ctx context.Context, runs []*run) {
	if len(runs) == 1 && runs[0].d.Suspect() {
		w.startAlone(ctx, runs[0])
		return
	}
	w.crew.add(runs)
}

// startAlone runs a job after those under way and before all further ones, so that no other is lost with
// it: one that is lost often enough is dead. A job that takes long must not hold the worker up for as long,
// so both waits last a lease at most. What kills its worker mostly does so at once. Only from Begin on is the
// loss of its lease held against the job: what ends the worker before is one of those under way.
func (w *Worker) startAlone(ctx context.Context, job *run) {
	w.slots.hold(true)
	defer w.slots.hold(false)
	limit := time.NewTimer(w.cfg.Lease)
	defer limit.Stop()
	for waiting := true; waiting && w.running.beside(job) > 0; {
		select {
		case <-w.slots.changed:
		case <-job.ctx.Done(): // it will not run at all
			waiting = false
		case <-limit.C:
			waiting = false
		}
	}
	if err := w.broker.Begin(job.ctx, job.d, w.cfg.Lease); err != nil && !away(err) {
		job.cancel(err)
	}
	w.crew.add([]*run{job})
	limit.Reset(w.cfg.Lease)
	select {
	case <-job.ctx.Done(): // as it does when the job is settled
	case <-limit.C:
	case <-ctx.Done():
	}
}
