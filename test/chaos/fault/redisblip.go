package fault

import (
	"context"
	"time"

	"github.com/dueq-io/dueq/test/chaos/load"
	"github.com/dueq-io/dueq/test/chaos/node"
)

// Handlers end while Redis is away, and insist on telling it; others run on. A handler here takes no notice
// of the end of its context: one that does asks for its job to run again.
var redisBlip = Row{
	Share: Quiet,
	Name:  "redis-blip",
	Bar:   "Redis gone for 2 to 4 leases, AOF always: duplicates <= 1 % of what was running",
	Break: func(ctx context.Context, r *Run) error {
		blips := r.Size(1, 10)
		report, err := r.under(ctx, scene{
			redis: node.Config{AOF: node.Always}, workers: 4,
			worker:   load.WorkerConfig{Concurrency: 32, RunFor: 4 * time.Second, Stubborn: time.Hour},
			producer: load.ProducerConfig{Jobs: uint32(r.Size(300, 3_000)), Goroutines: 64, PerSecond: 100},
		}, func(s *stage, _ []*load.Process) error {
			for n := range blips {
				if err := wait(ctx, r.Between(2*time.Second, 3*time.Second)); err != nil {
					return err
				}
				if err := s.without(ctx, r.Between(2*s.Lease, 4*s.Lease)); err != nil {
					return err
				}
				r.Say("blip %d of %d", n+1, blips)
			}
			return nil
		})
		if err != nil {
			return err
		}
		r.Figure("%d blips, %d duplicates of %d running", blips, report.DuplicateCount(), report.Running)
		r.Show(report.Running > 0, "nothing ran at a blip")
		r.Timely(report.DuplicateCount()*100 <= report.Running, "%d duplicates of %d running",
			report.DuplicateCount(), report.Running)
		return nil
	},
}
