package fault

import (
	"context"
	"errors"
	"time"

	"github.com/dueq-io/dueq/test/chaos/checker"
	"github.com/dueq-io/dueq/test/chaos/history"
	"github.com/dueq-io/dueq/test/chaos/load"
	"github.com/dueq-io/dueq/test/chaos/node"
)

var workerKill = Row{
	Name:  "worker-sigkill",
	Bar:   "0 lost, 0 fencing, 0 early, duplicates <= jobs running at a kill, re-run within lease + 1 s",
	Break: breakWorkers,
}

func breakWorkers(ctx context.Context, r *Run) (err error) {
	s, err := open(ctx, r, node.Config{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	jobs, kills := r.Size(10_000, 1_000_000), r.Size(5, 50)
	cfg := load.WorkerConfig{Concurrency: 16, RunFor: 10 * time.Millisecond}
	workers, err := s.workers(4, cfg)
	if err != nil {
		return err
	}
	// The jobs come for as long as the kills go on.
	producer, err := s.Producer(load.ProducerConfig{
		Jobs: uint32(jobs), Delay: time.Second, PerSecond: r.Size(1500, 2500),
	})
	if err != nil {
		return err
	}
	if err := s.seen(ctx, history.Started, 1); err != nil {
		return err
	}
	for n := range kills {
		if err := wait(ctx, r.Between(500*time.Millisecond, time.Duration(r.Size(1500, 8000))*time.Millisecond)); err != nil {
			return err
		}
		i := r.Rand.IntN(len(workers))
		if err := workers[i].Kill(); err != nil {
			return err
		}
		if workers[i], err = s.Worker(cfg); err != nil {
			return err
		}
		r.Say("kill %d of %d", n+1, kills)
	}
	report, err := s.judge(ctx, checker.Options{}, producer)
	if err != nil {
		return err
	}
	r.soundly(report, jobs)
	slowest := checker.Quantile(report.Recovery, 1)
	r.Figure("%d kills, %d duplicates of %d running, slowest re-run %v", kills, report.DuplicateCount(),
		report.Running, slowest.Round(time.Millisecond))
	r.Timely(report.DuplicateCount() <= report.Running, "%d duplicates of %d jobs that ran at a kill",
		report.DuplicateCount(), report.Running)
	r.Show(report.Running > 0, "no kill met a running job")
	r.Timely(slowest <= s.Lease+time.Second, "a killed run was repeated only after %v", slowest)
	return nil
}
