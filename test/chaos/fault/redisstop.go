package fault

import (
	"context"
	"time"

	"github.com/dueq-io/dueq/test/chaos/load"
)

// A handler here takes no notice when its worker, which cannot reach Redis, ends its context: one that
// does gives its run up, and that the job runs again then is what it asked for.
var redisStop = Row{
	Share: Quiet,
	Name:  "redis-sigstop",
	Bar:   "Redis stopped beyond every lease: duplicates <= 1 % of what was running",
	Break: func(ctx context.Context, r *Run) error {
		stops := r.Size(1, 20)
		report, err := r.under(ctx, scene{
			workers:  4,
			worker:   load.WorkerConfig{Concurrency: 32, RunFor: 3 * time.Second, Stubborn: time.Hour},
			producer: load.ProducerConfig{Jobs: uint32(r.Size(300, 7_000)), Goroutines: 64, PerSecond: 300},
		}, func(s *stage, _ []*load.Process) error {
			for n := range stops {
				if err := wait(ctx, r.Between(3*time.Second, 4*time.Second)); err != nil {
					return err
				}
				if err := s.stopRedis(ctx, 3*s.Lease); err != nil {
					return err
				}
				r.Say("stop %d of %d", n+1, stops)
			}
			return nil
		})
		if err != nil {
			return err
		}
		r.Figure("%d stops, %d duplicates of %d running", stops, report.DuplicateCount(), report.Running)
		r.Show(report.Running > 0, "nothing ran at a stop")
		r.Timely(report.DuplicateCount()*100 <= report.Running, "%d duplicates of %d running",
			report.DuplicateCount(), report.Running)
		return nil
	},
}

// stopRedis holds Redis still for d.
func (s *stage) stopRedis(ctx context.Context, d time.Duration) error {
	s.RedisFault()
	if err := s.redis.Pause(); err != nil {
		return err
	}
	failed := wait(ctx, d)
	if err := s.redis.Resume(); err != nil {
		return err
	}
	s.RedisHealed()
	return failed
}
