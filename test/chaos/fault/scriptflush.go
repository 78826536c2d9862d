package fault

import (
	"context"
	"time"

	"github.com/dueq-io/dueq/test/chaos/load"
)

var scriptFlush = Row{
	Name: "script-flush",
	Bar:  "SCRIPT FLUSH under load: no call fails, 0 duplicates",
	Break: func(ctx context.Context, r *Run) error {
		flushes := r.Size(30, 300)
		report, err := r.under(ctx, scene{
			workers:  2,
			producer: load.ProducerConfig{Jobs: uint32(r.Size(4_000, 60_000)), PerSecond: 1000, Delay: time.Second},
		}, func(s *stage, _ []*load.Process) error {
			for range flushes {
				if err := wait(ctx, r.Between(50*time.Millisecond, 250*time.Millisecond)); err != nil {
					return err
				}
				if err := s.redis.Client().ScriptFlush(ctx).Err(); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		r.Figure("%d flushes, %d calls failed, %d duplicates", flushes, report.Retried, report.DuplicateCount())
		r.Require(report.Retried == 0, "%d calls of enqueue failed", report.Retried)
		r.Timely(report.DuplicateCount() == 0, "%d duplicates", report.DuplicateCount())
		return nil
	},
}
