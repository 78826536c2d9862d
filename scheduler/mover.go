package scheduler

import (
	"context"
	"time"

	"github.com/dueq-io/dueq/queue"
)

const (
	// promoteLimit is how many jobs one call promotes: about 1 ms of Redis's time.
	promoteLimit = 500
	// sweepEach is the time between two looks at a queue without a hint, for each queue served: hints
	// can be lost with the process that took them, and the looks of all queues together stay rare.
	sweepEach = 3 * time.Second
	// listenTime is how long one wait for a hint lasts.
	listenTime = 2 * time.Second
)

// promote makes the due jobs of one queue ready until ctx ends. It sleeps until the next is due, by
// Redis's clock, or until a hint says that an earlier one has come.
func (s *Scheduler) promote(ctx context.Context, k *keeper) {
	var pause backoff
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-k.tick:
		case <-timer.C:
		}
		p, err := s.broker.Promote(ctx, k.queue, promoteLimit)
		if err != nil {
			if ctx.Err() != nil {
				return
			}
			timer.Reset(s.failed(&pause, "promote", err, "queue", k.queue))
			continue
		}
		pause.reset()
		s.tally.promoted.Add(int64(p.Moved))
		wait := s.sweep()
		if p.Next >= 0 {
			wait = min(wait, p.Next)
		}
		timer.Reset(wait)
	}
}

// sweep is how long a mover sleeps at most.
func (s *Scheduler) sweep() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return spread(time.Duration(len(s.keepers)) * sweepEach)
}

// listen wakes movers as hints come in. queues gives those to wait for anew each time; with none it waits
// for new ones.
func (s *Scheduler) listen(ctx context.Context, queues func() []string) {
	var pause backoff
	for ctx.Err() == nil {
		// The wait is not cut off by ctx: a hint that came just then would be lost.
		name, err := s.broker.WaitTick(context.WithoutCancel(ctx), queues(), listenTime)
		switch {
		case ctx.Err() != nil:
			s.passOn(ctx, name)
		case err != nil:
			sleep(ctx, s.failed(&pause, "wait for hints", err))
			// A hint may have been taken from Redis and lost on its way.
			s.wakeAll()
		case name == queue.NewQueue:
			pause.reset()
			if len(s.cfg.Queues) > 0 {
				continue // only those are served
			}
			if err := s.refresh(ctx); err != nil {
				s.cfg.Logger.Warn("list queues", "error", err)
			}
		case name != "":
			pause.reset()
			s.wake(name)
		}
	}
}

// passOn leaves a hint that came while this scheduler stopped to another.
func (s *Scheduler) passOn(ctx context.Context, name string) {
	if name == "" {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), listenTime)
	defer cancel()
	if err := s.broker.WakeTick(ctx, name); err != nil {
		s.cfg.Logger.Debug("pass a hint on", "queue", name, "error", err)
	}
}

// stopListening ends the wait for new queues, and with it, where all are waited for together, the
// whole wait; it would otherwise last until its time is over.
func (s *Scheduler) stopListening(ctx context.Context) { s.passOn(ctx, queue.NewQueue) }
