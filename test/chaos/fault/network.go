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

var network = Row{
	Name:  "network",
	Bar:   "latency, slices, cut replies and resets: 0 lost, no second job by a client's retry",
	Break: breakNetwork,
}

func breakNetwork(ctx context.Context, r *Run) (err error) {
	jobs, rounds := r.Size(10_000, 400_000), r.Size(1, 10)
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
		Jobs: uint32(jobs), Goroutines: 32, PerSecond: r.Size(700, 4000), Delay: time.Second,
	})
	if err != nil {
		return err
	}
	if err := s.seen(ctx, history.Started, 1); err != nil {
		return err
	}
	for range rounds {
		for _, harm := range []func() error{
			func() error { return proxy.Delay(100*time.Millisecond, 50*time.Millisecond) },
			func() error { return proxy.Slice(20, time.Millisecond) },
			func() error { return proxy.CutAfter(500) },
			func() error { return proxy.Reset(20 * time.Millisecond) },
		} {
			if err := s.harmFor(ctx, proxy, harm, r.Between(time.Second, 3*time.Second)); err != nil {
				return err
			}
		}
	}
	// The fleet talks through the proxy until its end; the reading of the rest goes past it.
	report, err := s.judge(ctx, checker.Options{}, producer)
	if err != nil {
		return err
	}
	r.soundly(report, jobs)
	r.Figure("%d rounds, %d duplicates", rounds, report.DuplicateCount())
	return nil
}

// openBehindProxy is open with a proxy between the fleet and Redis.
func openBehindProxy(ctx context.Context, r *Run) (*stage, *node.Proxy, error) {
	s, err := open(ctx, r, node.Config{})
	if err != nil {
		return nil, nil, err
	}
	proxy, err := node.StartProxy(s.redis.Addr())
	if err != nil {
		return nil, nil, errors.Join(err, s.Close())
	}
	s.URL = proxy.URL()
	return s, proxy, nil
}

// harmFor spoils the network for a while.
func (s *stage) harmFor(ctx context.Context, proxy *node.Proxy, harm func() error, d time.Duration) error {
	s.RedisFault()
	if err := harm(); err != nil {
		return err
	}
	if err := wait(ctx, d); err != nil {
		return err
	}
	proxy.Heal(ctx)
	s.RedisHealed()
	return nil
}
