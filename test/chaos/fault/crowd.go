package fault

import (
	"context"
	"time"

	"github.com/dueq-io/dueq/test/chaos/load"
)

var crowd = Row{
	Name: "ten-schedulers",
	Bar:  "ten movers, reapers and janitors at once: every job moved once, 0 duplicates but for kills",
	Break: func(ctx context.Context, r *Run) error {
		kills := r.Size(2, 20)
		cfg := load.WorkerConfig{Schedulers: 5, RunFor: 10 * time.Millisecond}
		report, err := r.under(ctx, scene{
			workers: 2, worker: cfg,
			producer: load.ProducerConfig{Jobs: uint32(r.Size(5_000, 100_000)), Delay: 2 * time.Second, PerSecond: 1500},
		}, func(s *stage, workers []*load.Process) error {
			for range kills {
				if err := wait(ctx, r.Between(time.Second, 2*time.Second)); err != nil {
					return err
				}
				i := r.Rand.IntN(len(workers))
				err := workers[i].Kill()
				if err == nil {
					workers[i], err = s.Worker(cfg)
				}
				if err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		r.Figure("%d duplicates of %d running at %d kills", report.DuplicateCount(), report.Running, kills)
		r.Timely(report.DuplicateCount() <= report.Running, "more duplicates than runs that a kill met")
		return nil
	},
}
