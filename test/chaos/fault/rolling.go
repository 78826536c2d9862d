package fault

import (
	"context"
	"time"

	"github.com/dueq-io/dueq/test/chaos/load"
)

var rolling = Row{
	Name: "rolling-sigterm",
	Bar:  "0 duplicates, 0 attempts charged",
	Break: func(ctx context.Context, r *Run) error {
		stops := r.Size(5, 50)
		cfg := load.WorkerConfig{RunFor: 20 * time.Millisecond}
		report, err := r.under(ctx, scene{
			workers: 4, worker: cfg,
			producer: load.ProducerConfig{Jobs: uint32(r.Size(6_000, 200_000)), PerSecond: r.Size(1500, 2500)},
		}, func(s *stage, workers []*load.Process) error {
			for n := range stops {
				if err := wait(ctx, r.Between(300*time.Millisecond, time.Duration(r.Size(600, 1500))*time.Millisecond)); err != nil {
					return err
				}
				i := n % len(workers)
				err := workers[i].Stop()
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
		r.Figure("%d stops with %d running, %d duplicates, %d charged", stops, report.Running,
			report.DuplicateCount(), report.Charged)
		r.Show(report.Running > 0, "nothing ran at a stop")
		r.Timely(report.DuplicateCount() == 0, "%d duplicates", report.DuplicateCount())
		r.Timely(report.Charged == 0, "%d attempts were charged", report.Charged)
		return nil
	},
}
