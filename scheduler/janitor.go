package scheduler

import (
	"context"
	"time"

	"github.com/dueq-io/dueq/queue"
)

const (
	// purgeLimit is how many jobs one call removes, purgePause the rest between two calls: removing
	// must not be felt.
	purgeLimit = 100
	purgePause = 10 * time.Millisecond
	// purgeSooner is the part of PurgeEvery after which a look that removed something is repeated.
	purgeSooner = 10
)

// purge removes what has been kept for long enough until ctx ends.
func (s *Scheduler) purge(ctx context.Context) {
	var pause backoff
	wait := s.cfg.PurgeEvery / purgeSooner
	for {
		sleep(ctx, spread(wait))
		if ctx.Err() != nil {
			return
		}
		wait = s.cfg.PurgeEvery
		for _, name := range s.queues() {
			n, err := s.purgeQueue(ctx, name)
			if err != nil && ctx.Err() == nil {
				soon := s.failed(&pause, "purge", err, "queue", name)
				if away(err) {
					wait = soon
					break
				}
				continue // an error of the queue's own does not hold up the others
			}
			if n > 0 {
				wait = s.cfg.PurgeEvery / purgeSooner
			}
			pause.reset()
		}
	}
}

// purgeQueue goes once round a queue and says how much it removed.
func (s *Scheduler) purgeQueue(ctx context.Context, name string) (int, error) {
	cfg := queue.PurgeConfig{
		Limit: purgeLimit, DeadAge: s.cfg.DeadAge, DeadKeep: s.cfg.DeadKeep, DoneKeep: s.cfg.DoneKeep,
	}
	removed := 0
	locks, marks := false, false // gone round
	for {
		p, err := s.broker.Purge(ctx, name, cfg)
		if err != nil {
			return removed, err
		}
		s.tally.purged.Add(int64(p.Dead + p.Done))
		removed += p.Dead + p.Done + p.Locks + p.Marks
		cfg.LockCursor, cfg.MarkCursor = p.LockCursor, p.MarkCursor
		locks, marks = locks || p.LockCursor == "0", marks || p.MarkCursor == "0"
		full := p.Dead >= purgeLimit || p.Done >= purgeLimit
		if !full && locks && marks {
			return removed, nil
		}
		sleep(ctx, purgePause)
		if ctx.Err() != nil {
			return removed, ctx.Err()
		}
	}
}
