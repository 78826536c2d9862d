package fault

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/dueq-io/dueq/test/chaos/checker"
	"github.com/dueq-io/dueq/test/chaos/history"
	"github.com/dueq-io/dueq/test/chaos/load"
	"github.com/dueq-io/dueq/test/chaos/node"
)

var cluster = Row{
	Name:  "cluster",
	Bar:   "fail-overs and slot migrations under load: 0 lost, 0 errors from the middle of a script, enqueue never silent for 10 s",
	Break: breakCluster,
}

// clusterKey is a key of the queue under load: all of them share its slot.
const clusterKey = "dueq:{chaos}:jobs"

func breakCluster(ctx context.Context, r *Run) (err error) {
	servers, err := node.StartCluster(ctx, node.Config{})
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
	jobs := r.Size(10_000, 200_000)
	producer, err := s.Producer(load.ProducerConfig{
		Jobs: uint32(jobs), Goroutines: 64, PerSecond: r.Size(700, 1000), Delay: time.Second, Replicas: 1,
	})
	if err != nil {
		return err
	}
	if err := s.seen(ctx, history.Started, 1); err != nil {
		return err
	}
	if err := s.breakSlots(ctx, servers, r.Size(2, 10), r.Size(4, 20)); err != nil {
		return err
	}
	if s.redis, err = servers.Owner(ctx, clusterKey); err != nil {
		return err
	}
	report, err := s.judge(ctx, checker.Options{MayLoseWrites: true}, producer)
	if err != nil {
		return err
	}
	records, err := s.History()
	if err != nil {
		return err
	}
	r.soundly(report, jobs)
	silent := longestSilence(records)
	r.Figure("enqueue silent for at most %v", silent.Round(time.Millisecond))
	r.Timely(silent <= silentMost, "enqueue was silent for %v", silent)
	return r.requireWholeScripts(s.Fleet)
}

// silentMost is far above what a fail-over takes here, and far below the minute for which a client that
// does not learn of it is lost.
const silentMost = 10 * time.Second

// longestSilence is the longest time between two confirmations of jobs.
func longestSilence(records []history.Record) time.Duration {
	var at []int64
	for _, e := range records {
		if e.Type == history.EnqueueOK {
			at = append(at, e.Mono)
		}
	}
	slices.Sort(at)
	var longest time.Duration
	for i := 1; i < len(at); i++ {
		longest = max(longest, history.Since(at[i-1], at[i]))
	}
	return longest
}

// breakSlots spreads the moves of the slot over the fail-overs.
func (s *stage) breakSlots(ctx context.Context, servers *node.Cluster, failovers, moves int) error {
	var slowest time.Duration
	keys := 0
	for n := range failovers {
		for range moves / failovers {
			if err := wait(ctx, s.run.Between(200*time.Millisecond, time.Second)); err != nil {
				return err
			}
			began := time.Now()
			s.RedisFault()
			moved, err := servers.MoveSlot(ctx, clusterKey)
			if err != nil {
				return err
			}
			slowest, keys = max(slowest, time.Since(began)), keys+moved
			s.RedisHealed()
		}
		if err := servers.AwaitWhole(ctx); err != nil {
			return err
		}
		s.RedisFault()
		if err := s.failOverSlot(ctx, servers, n); err != nil {
			return err
		}
		s.RedisHealed()
		s.run.Say("%d moves of the slot and fail-over %d of %d", moves/failovers, n+1, failovers)
	}
	s.run.Figure("%d fail-overs, %d migrations of %d keys, the slowest %v", failovers, moves, keys, slowest.Round(time.Millisecond))
	s.run.Show(keys > 0, "no migration moved a key")
	return nil
}

// failOverSlot kills the slot's master, or has its replica take over, in turns.
func (s *stage) failOverSlot(ctx context.Context, servers *node.Cluster, n int) error {
	if n%2 == 0 {
		old, took, err := servers.KillOwner(ctx, clusterKey)
		if err != nil {
			return err
		}
		s.run.Say("fail-over took %v", took.Round(time.Millisecond))
		return servers.BringBack(ctx, old)
	}
	return servers.Failover(ctx, clusterKey, n%4 == 3)
}

// requireWholeScripts finds the errors of a script that a cluster stopped half-way.
func (r *Run) requireWholeScripts(fleet *load.Fleet) error {
	for _, text := range []string{"non local key", "undeclared key"} {
		lines, first, err := fleet.Logged(text)
		if err != nil {
			return err
		}
		r.Require(lines == 0, "%d errors from the middle of a script, such as: %s", lines, first)
	}
	return nil
}
