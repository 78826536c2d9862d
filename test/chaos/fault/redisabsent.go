package fault

import (
	"context"
	"time"

	"github.com/dueq-io/dueq/test/chaos/load"
	"github.com/dueq-io/dueq/test/chaos/node"
)

// absence is longer than queue.ReapConfig.Stall, by which the reaper knows that Redis was away. Unlike a
// Redis that was stopped, one that was gone finds no heartbeats waiting in its sockets when it is back:
// only the reaper's grace keeps the leases of live workers.
const absence = 12 * time.Second

var redisAbsent = Row{
	Name: "redis-absent",
	Bar:  "Redis gone beyond every lease, AOF always: duplicates <= 1 % of what was running",
	Break: func(ctx context.Context, r *Run) error {
		times := r.Size(1, 10)
		report, err := r.under(ctx, scene{
			redis: node.Config{AOF: node.Always}, workers: 4,
			worker:   load.WorkerConfig{Concurrency: 32, RunFor: 10 * time.Second, Stubborn: time.Hour},
			producer: load.ProducerConfig{Jobs: uint32(r.Size(200, 2_000)), Goroutines: 64, PerSecond: 200},
		}, func(s *stage, _ []*load.Process) error {
			for n := range times {
				if err := wait(ctx, r.Between(3*time.Second, 4*time.Second)); err != nil {
					return err
				}
				s.RedisFault()
				if err := inTurn(s.redis.Kill, func() error { return wait(ctx, absence) },
					func() error { return s.redis.Restart(ctx) }); err != nil {
					return err
				}
				s.RedisHealed()
				r.Say("absence %d of %d", n+1, times)
			}
			return nil
		})
		if err != nil {
			return err
		}
		r.Figure("%d absences, %d duplicates of %d running", times, report.DuplicateCount(), report.Running)
		r.Require(report.Running > 0, "nothing ran at the fault: the run shows nothing")
		r.Require(report.DuplicateCount()*100 <= report.Running, "%d duplicates of %d running",
			report.DuplicateCount(), report.Running)
		return nil
	},
}
