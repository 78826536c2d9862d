package fault

import (
	"context"
	"time"

	"github.com/dueq-io/dueq/test/chaos/load"
	"github.com/dueq-io/dueq/test/chaos/node"
)

var redisKill = Row{
	Name: "redis-sigkill-always",
	Bar:  "AOF always: 0 lost, 0 resurrected",
	Break: func(ctx context.Context, r *Run) error {
		kills := r.Size(3, 20)
		report, err := r.under(ctx, scene{
			redis: node.Config{AOF: node.Always}, workers: 4,
			producer: load.ProducerConfig{Jobs: uint32(r.Size(6_000, 200_000)), PerSecond: r.Size(1000, 2500)},
		}, func(s *stage, _ []*load.Process) error {
			for n := range kills {
				if err := wait(ctx, r.Between(time.Second, time.Duration(r.Size(2, 5))*time.Second)); err != nil {
					return err
				}
				s.RedisFault()
				if err := s.redis.Restart(ctx); err != nil {
					return err
				}
				s.RedisHealed()
				r.Say("kill %d of %d", n+1, kills)
			}
			return nil
		})
		if err != nil {
			return err
		}
		r.Figure("%d kills, %d resurrected, %d duplicates, %d calls repeated", kills, len(report.Resurrected),
			report.DuplicateCount(), report.Retried)
		r.Show(report.Retried > 0, "no producer felt a kill")
		return nil
	},
}
