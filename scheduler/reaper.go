package scheduler

import (
	"context"
	"fmt"
	"time"

	"github.com/dueq-io/dueq/queue"
)

const (
	// reapEvery is the longest time between two looks for leases that ran out. It is below the shortest
	// lease, so that each is seen before it runs out: a first look after that would be taken for one
	// after an absence of Redis (queue.ReapConfig.Stall), and grant the grace time.
	reapEvery = 900 * time.Millisecond
	// reapStall is the time without a look, by any process, after which Redis is taken to have been away or
	// stalled: a fleet that is well misses no three in a row. When Redis is back after an absence that was
	// not noticed, luck decides whether live workers' heartbeats or this call come first, and with it whether
	// their jobs run twice; so it is shorter than what a lease of 5 s has left before a heartbeat.
	reapStall = 3 * reapEvery
	// reapSoonest spaces looks at leases that run out one after another.
	reapSoonest = 20 * time.Millisecond
)

// reap ends leases that have run out until ctx ends. While nothing is leased anywhere it costs one
// command each time.
func (s *Scheduler) reap(ctx context.Context) {
	var pause backoff
	for ctx.Err() == nil {
		wait, err := s.reapOnce(ctx)
		if err != nil {
			wait = min(wait, s.failed(&pause, "reap", err))
		} else {
			pause.reset()
		}
		sleep(ctx, wait)
	}
}

// reapOnce looks at all queues once and returns how long to wait. An error of one queue's own does not
// hold up the others.
func (s *Scheduler) reapOnce(ctx context.Context) (time.Duration, error) {
	wait := spread(reapEvery)
	var broken error
	for _, group := range s.broker.WaitGroups(s.queues()) {
		leased, err := s.broker.AnyLeased(ctx, group)
		if err != nil {
			return wait, err
		}
		if !leased {
			continue
		}
		for _, name := range group {
			r, err := s.broker.Reap(ctx, name, queue.ReapConfig{MaxLost: s.cfg.MaxLost, Stall: reapStall, Grace: s.cfg.Grace})
			if away(err) || ctx.Err() != nil {
				return wait, err
			}
			if err != nil {
				broken = fmt.Errorf("queue %s: %w", name, err)
				continue
			}
			s.tally.reaped.Add(int64(r.Readied))
			s.tally.buried.Add(int64(r.Buried))
			if r.Readied+r.Buried > 0 {
				s.cfg.Logger.Warn("workers were lost", "queue", name, "jobs_ready_again", r.Readied, "jobs_dead", r.Buried)
			}
			if r.Next >= 0 {
				wait = min(wait, max(r.Next, reapSoonest))
			}
		}
	}
	return wait, broken
}
