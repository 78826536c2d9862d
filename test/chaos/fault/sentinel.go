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
	"github.com/dueq-io/dueq/test/chaos/node"
)

var sentinelFailover = Row{
	Name:  "sentinel-failover",
	Bar:   "Replicated(1): 0 confirmed jobs lost, enqueue back within 5 s at p99",
	Break: func(ctx context.Context, r *Run) error { return breakMaster(ctx, r, 1) },
}

// Without it a run in which nothing could be lost would pass for a proof.
var sentinelControl = Row{
	Name:  "sentinel-failover-control",
	Bar:   "the same fail-overs without confirmed writes lose at least one job",
	Break: func(ctx context.Context, r *Run) error { return breakMaster(ctx, r, 0) },
}

const (
	// lag is how long the replicas stand still before the master dies: less
	// than the second after which Sentinels take them for dead.
	lag = 800 * time.Millisecond
)

func breakMaster(ctx context.Context, r *Run, replicas int) (err error) {
	servers, err := node.StartSentinel(ctx, node.Config{})
	if err != nil {
		return err
	}
	s, err := openAt(r, servers.URL(), servers)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if _, err := s.workers(2, load.WorkerConfig{Concurrency: 64}); err != nil {
		return err
	}
	jobs, failovers := r.Size(30_000, 300_000), r.Size(2, 10)
	if replicas == 0 {
		jobs, failovers = r.Size(15_000, 60_000), r.Size(1, 3)
	}
	producer, err := s.Producer(load.ProducerConfig{
		Jobs: uint32(jobs), Goroutines: 64, PerSecond: 1500, Replicas: replicas,
	})
	if err != nil {
		return err
	}
	if err := s.seen(ctx, history.Started, 1); err != nil {
		return err
	}
	var takeovers []time.Duration
	for range failovers {
		if err := wait(ctx, r.Between(time.Second, 3*time.Second)); err != nil {
			return err
		}
		took, err := failOver(ctx, s, servers)
		if err != nil {
			return err
		}
		takeovers = append(takeovers, took)
		r.Say("fail-over %d of %d: another master after %v", len(takeovers), failovers, took.Round(time.Millisecond))
	}
	if s.redis, err = servers.Master(ctx); err != nil {
		return err
	}
	report, err := s.judge(ctx, checker.Options{MayLoseWrites: true}, producer)
	if err != nil {
		return err
	}
	if replicas == 0 {
		r.Figure("%d jobs, %d lost in %d fail-overs", report.Enqueued, len(report.Lost), failovers)
		r.Show(len(report.Lost) > 0, "nothing was lost without confirmed writes")
		return nil
	}
	r.soundly(report, jobs)
	return r.requireOutages(s, takeovers)
}

// failOver kills a master whose replicas lag behind and brings it back, and returns how long it took until
// there was another.
func failOver(ctx context.Context, s *stage, servers *node.Sentinel) (time.Duration, error) {
	lagging, err := servers.Replicas(ctx)
	if err != nil {
		return 0, err
	}
	for _, replica := range lagging {
		if err := replica.Pause(); err != nil {
			return 0, err
		}
	}
	master, err := servers.Master(ctx)
	if err != nil {
		return 0, err
	}
	// Cut off, so that nothing waits in their sockets for the moment when they wake: it dies with the master.
	if err := master.Client().ClientKillByFilter(ctx, "TYPE", "replica").Err(); err != nil {
		return 0, err
	}
	if err := wait(ctx, lag); err != nil {
		return 0, err
	}
	s.RedisFault()
	resumed := make(chan error, 1)
	old, took, err := servers.KillMasterThen(ctx, func() {
		var errs []error
		for _, replica := range lagging {
			errs = append(errs, replica.Resume())
		}
		resumed <- errors.Join(errs...)
	})
	if err := errors.Join(err, <-resumed); err != nil {
		return 0, err
	}
	if err := servers.BringBack(ctx, old); err != nil {
		return 0, err
	}
	s.RedisHealed()
	return took, nil
}

// requireOutages holds the longest silence of the producers in each fail-over against its bar. Where the
// machine is busy with other rows the Sentinels may have to vote twice: in small their part is not counted.
func (r *Run) requireOutages(s *stage, takeovers []time.Duration) error {
	const bar = 5 * time.Second
	records, err := s.History()
	if err != nil {
		return err
	}
	silences := longestSilences(records)
	r.Timely(len(silences) == len(takeovers), "producers met %d of %d fail-overs", len(silences), len(takeovers))
	ours := slices.Clone(silences)
	for i := range min(len(ours), len(takeovers)) {
		ours[i] -= takeovers[i]
	}
	slices.Sort(silences)
	slices.Sort(ours)
	p99, our := checker.Quantile(silences, 0.99), checker.Quantile(ours, 0.99)
	r.Figure("%d fail-overs, enqueue silent for at most %v (p99), %v of it once there was a new master", len(takeovers),
		p99.Round(time.Millisecond), our.Round(time.Millisecond))
	if !r.Full {
		p99 = our
	}
	r.Timely(p99 <= bar, "enqueue was back only after %v", p99)
	return nil
}

// longestSilences returns, for every fault of Redis that producers worked through, the longest time
// from then on between two confirmations.
func longestSilences(records []history.Record) []time.Duration {
	slices.SortFunc(records, func(a, b history.Record) int { return cmp.Compare(a.Mono, b.Mono) })
	var out []time.Duration
	var last int64
	var current time.Duration
	broken := false
	for _, e := range records {
		switch e.Type {
		case history.RedisFault:
			broken, last, current = true, e.Mono, 0
		case history.EnqueueOK:
			if broken {
				current, last = max(current, history.Since(last, e.Mono)), e.Mono
			}
		case history.RedisHealed:
			if broken && current > 0 {
				out = append(out, current)
			}
			broken = false
		default: // says nothing of enqueue
		}
	}
	return out
}
