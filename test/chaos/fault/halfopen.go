package fault

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/dueq-io/dueq/test/chaos/checker"
	"github.com/dueq-io/dueq/test/chaos/history"
	"github.com/dueq-io/dueq/test/chaos/load"
)

var halfOpen = Row{
	Share: Quiet,
	Name:  "half-open",
	Bar:   "connections open but silent: 0 lost, jobs start again within the read deadline + 2 s of healing",
	Break: halfOpenConnections,
}

// resumeWithin is go-redis's read deadline of 3 s, and 2 s.
const resumeWithin = 5 * time.Second

func halfOpenConnections(ctx context.Context, r *Run) (err error) {
	jobs, cycles, silent := r.Size(10_000, 300_000), r.Size(1, 10), time.Duration(r.Size(10, 60))*time.Second
	s, proxy, err := openBehindProxy(ctx, r)
	if err != nil {
		return err
	}
	defer proxy.Close()
	defer func() { err = errors.Join(err, s.Close()) }()
	if _, err := s.workers(2, load.WorkerConfig{Concurrency: 32}); err != nil {
		return err
	}
	producer, err := s.Producer(load.ProducerConfig{
		Jobs: uint32(jobs), Goroutines: 32, PerSecond: r.Size(500, 400), Delay: time.Second,
	})
	if err != nil {
		return err
	}
	if err := s.seen(ctx, history.Started, 1); err != nil {
		return err
	}
	for range cycles {
		if err := wait(ctx, r.Between(2*time.Second, 4*time.Second)); err != nil {
			return err
		}
		if err := s.harmFor(ctx, proxy, proxy.HalfOpen, silent); err != nil {
			return err
		}
	}
	report, err := s.judge(ctx, checker.Options{}, producer)
	if err != nil {
		return err
	}
	records, err := s.History()
	if err != nil {
		return err
	}
	r.soundly(report, jobs)
	resumed := resumptions(records)
	slowest := checker.Quantile(resumed, 1)
	r.Figure("%d times %v, jobs started again after at most %v", cycles, silent, slowest.Round(time.Millisecond))
	r.Timely(len(resumed) == cycles, "jobs went on after %d of %d cycles", len(resumed), cycles)
	r.Timely(slowest <= resumeWithin, "jobs started again only %v after the network healed", slowest)
	return nil
}

// resumptions returns, for each time that Redis healed, how long it was until a job started, sorted.
func resumptions(records []history.Record) []time.Duration {
	slices.SortFunc(records, func(a, b history.Record) int { return cmp.Compare(a.Mono, b.Mono) })
	var out []time.Duration
	var healed int64
	for _, e := range records {
		switch {
		case e.Type == history.RedisHealed:
			healed = e.Mono
		case e.Type == history.Started && healed != 0:
			out, healed = append(out, history.Since(healed, e.Mono)), 0
		}
	}
	slices.Sort(out)
	return out
}
