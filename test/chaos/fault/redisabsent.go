package fault

import (
	"context"
	"time"

	"github.com/dueq-io/dueq/test/chaos/history"
	"github.com/dueq-io/dueq/test/chaos/load"
	"github.com/dueq-io/dueq/test/chaos/node"
)

// absence is longer than queue.ReapConfig.Stall, by which the reaper knows that Redis was away. Unlike a
// Redis that was stopped, one that was gone finds no heartbeats waiting in its sockets when it is back:
// only the reaper's grace keeps the leases of live workers.
const absence = 12 * time.Second

var redisAbsent = Row{
	Share: Quiet,
	Name:  "redis-absent",
	Bar:   "Redis gone beyond every lease, AOF always: duplicates <= 1 % of what was running",
	Break: func(ctx context.Context, r *Run) error {
		const jobs = 128
		times, running, duplicates := r.Size(1, 10), 0, 0
		for n := range times {
			report, err := r.under(ctx, scene{
				redis: node.Config{AOF: node.Always}, workers: 4,
				// Many reapers, so that one of them comes before some worker's heartbeat when Redis is back.
				// No handler ends while Redis is away: a completion that cannot be told for longer than a
				// lease is a run that has to be repeated.
				worker: load.WorkerConfig{
					Concurrency: 32, Schedulers: 5, AtLeast: absence + 6*time.Second, Stubborn: time.Hour,
				},
				producer: load.ProducerConfig{Jobs: jobs, Goroutines: 64},
			}, func(s *stage, _ []*load.Process) error { return s.absent(ctx, jobs) })
			if err != nil {
				return err
			}
			r.Say("absence %d of %d", n+1, times)
			running, duplicates = running+report.Running, duplicates+report.DuplicateCount()
		}
		r.Figure("%d absences, %d duplicates of %d running", times, duplicates, running)
		r.Show(running > 0, "nothing ran at the fault")
		r.Timely(duplicates*100 <= running, "%d duplicates of %d running", duplicates, running)
		return nil
	},
}

// absent kills Redis while all jobs run and starts it again after the absence.
func (s *stage) absent(ctx context.Context, jobs int) error {
	if err := s.seen(ctx, history.Started, jobs); err != nil {
		return err
	}
	if err := wait(ctx, s.run.Between(time.Second, 2*time.Second)); err != nil {
		return err
	}
	return s.without(ctx, absence)
}
