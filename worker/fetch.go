package worker

import (
	"context"
	"errors"
	"math/rand/v2"
	"runtime"
	"slices"
	"time"

	"github.com/dueq-io/dueq/queue"
)

const (
	// maxLease is how many jobs one call leases at most.
	maxLease = 200
	// callTimeout bounds a call that must not be cut off by the end of the worker: what it leased
	// would be nobody's until the lease is over.
	callTimeout = 10 * time.Second
)

// fetch leases jobs for free slots and starts them until ctx ends.
func (w *Worker) fetch(ctx, jobs context.Context) {
	var pause backoff
	for ctx.Err() == nil {
		name, probe := w.sources.pick(time.Now(), w.slots.hasRoom)
		if name == "" {
			if w.slots.anyFree() {
				w.vacate()
			}
			select {
			case <-ctx.Done():
			case <-w.slots.changed:
			case <-w.sources.heated:
			}
			continue
		}
		// Handlers that have just returned free their slots first: fewer and larger leases.
		runtime.Gosched()
		n := w.slots.reserve(name, maxLease, probe)
		if n == 0 {
			w.sources.heat(name)
			continue
		}
		runs, err := w.lease(ctx, jobs, name, n)
		w.slots.giveBack(name, n-len(runs))
		w.payDebts(ctx)
		w.start(ctx, runs)
		if err != nil && !errors.Is(err, queue.ErrPaused) {
			w.failed(&pause, "lease", err, "queue", name)
			// An error of the queue's own, such as a key of the wrong type, must not hold up others: it
			// is left for the next hint or poll.
			if away(err) {
				w.sources.heat(name)
				pause.sleep(ctx)
			}
			continue
		}
		pause.reset()
	}
}

// away says whether an error is that Redis could not be reached, or did not answer.
func away(err error) bool {
	return errors.Is(err, queue.ErrUnavailable) || errors.Is(err, queue.ErrUnknown)
}

// lease takes up to n jobs, each of which uses a slot from then on.
func (w *Worker) lease(ctx, jobs context.Context, name string, n int) ([]*run, error) {
	call, cancel := context.WithTimeout(context.WithoutCancel(ctx), callTimeout)
	defer cancel()
	// The lease may have begun as early as this moment.
	began := time.Now()
	deliveries, more, err := w.broker.Lease(call, name, n, w.cfg.Lease)
	if err != nil {
		return nil, err
	}
	if more {
		w.sources.heat(name)
	}
	if ctx.Err() != nil {
		w.giveUp(call, deliveries)
		return nil, nil
	}
	runs := make([]*run, len(deliveries))
	for i, d := range deliveries {
		runs[i] = w.begin(jobs, d, began)
	}
	return runs, nil
}

// giveUp releases jobs that the worker has no more time for. Each goes to the head of its queue, so the
// last goes first.
func (w *Worker) giveUp(ctx context.Context, deliveries []*queue.Delivery) {
	for _, d := range slices.Backward(deliveries) {
		if err := w.broker.Release(ctx, d); err != nil {
			w.cfg.Logger.Warn("release at shutdown", "job_id", d.ID, "error", err)
		}
	}
}

// listenTime is how long one wait for a hint lasts; a poll follows it, since a hint can be lost.
const listenTime = time.Second

// listen makes queues hot as hints come in, while there are free slots.
func (w *Worker) listen(ctx context.Context, queues []string) {
	var pause backoff
	for ctx.Err() == nil {
		if !w.slots.anyFree() {
			// Hints are for those who can follow them.
			w.sources.miss(queues...)
			w.awaitVacancy(ctx)
			continue
		}
		name, err := w.broker.WaitReady(context.WithoutCancel(ctx), queues, listenTime)
		ready := name != ""
		if err == nil && !ready {
			ready, err = w.broker.AnyReady(ctx, queues)
		}
		switch {
		case ctx.Err() != nil:
			w.passOn(ctx, name)
		case err != nil:
			w.failed(&pause, "wait for jobs", err)
			pause.sleep(ctx)
			w.sources.heat(queues...)
		case name != "":
			pause.reset()
			w.sources.hint(name)
			if !w.slots.mayHaveRoom(name) {
				w.payDebts(ctx)
				sleep(ctx, probeAfter)
			}
		case ready:
			pause.reset()
			w.sources.heat(queues...)
		}
	}
}

// vacate tells listen that slots are free and no queue is known to have jobs for them.
func (w *Worker) vacate() {
	select {
	case w.vacant <- struct{}{}:
	default:
	}
}

// awaitVacancy waits for vacate, or for a while: on a Redis Cluster several wait, and one is told.
func (w *Worker) awaitVacancy(ctx context.Context) {
	timer := time.NewTimer(probeAfter)
	defer timer.Stop()
	select {
	case <-w.vacant:
	case <-timer.C:
	case <-ctx.Done():
	}
}

// payDebts passes on the hints that this worker took and has no free slots for.
func (w *Worker) payDebts(ctx context.Context) {
	for _, name := range w.sources.debts(w.slots.hasRoom) {
		w.passOn(ctx, name)
	}
}

// passOn leaves a hint that this worker took and cannot follow to another.
func (w *Worker) passOn(ctx context.Context, name string) {
	if name == "" {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), callTimeout)
	defer cancel()
	if ready, err := w.broker.AnyReady(ctx, []string{name}); err != nil || !ready {
		return
	}
	if err := w.broker.WakeReady(ctx, name); err != nil {
		w.cfg.Logger.Debug("pass a hint on", "queue", name, "error", err)
	}
}

// stopListening ends the waits of listen, which would otherwise last until their time is over.
func (w *Worker) stopListening(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), listenTime)
	defer cancel()
	for _, queues := range w.broker.WaitGroups(w.queueNames()) {
		if err := w.broker.WakeReady(ctx, queues[0]); err != nil {
			return
		}
	}
}

// maxPause is short, since work is to go on within 2 s of Redis's return, of which go-redis may take one
// until it looks for the server again.
const (
	firstPause = 50 * time.Millisecond
	maxPause   = 700 * time.Millisecond
	logEvery   = time.Second
)

// failed notes a failed call of a loop, and logs it unless that was just done.
func (w *Worker) failed(pause *backoff, what string, err error, attrs ...any) {
	if pause.failed() && (!away(err) || w.broker.OutageDue()) {
		w.cfg.Logger.Warn(what, append(attrs, "error", err)...)
	}
}

// backoff is the pause after failed calls, doubled from one to the next, and a limit of one log line a
// second.
type backoff struct {
	pause  time.Duration
	logged time.Time
}

// failed notes a failure and says whether it may be logged.
func (b *backoff) failed() bool {
	b.pause = min(max(2*b.pause, firstPause), maxPause)
	if time.Since(b.logged) < logEvery {
		return false
	}
	b.logged = time.Now()
	return true
}

func (b *backoff) reset() { b.pause = 0 }

// sleep waits for the pause, spread over its upper half so that workers do not come back together.
func (b *backoff) sleep(ctx context.Context) { sleep(ctx, b.pause/2+rand.N(b.pause/2+1)) }

func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
