package fault

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/dueq-io/dueq/test/chaos/checker"
	"github.com/dueq-io/dueq/test/chaos/history"
	"github.com/dueq-io/dueq/test/chaos/load"
	"github.com/dueq-io/dueq/test/chaos/node"
)

// A replica falls behind, the master dies, the replica is promoted: what was confirmed under
// Replicated(1) has to be there. It is the worst case of a fail-over without a Sentinel's timing.
var replicaPromoted = Row{
	Share: Quiet,
	Name:  "replica-promoted",
	Bar:   "Replicated(1), the only replica behind when the master dies: 0 confirmed jobs lost",
	Break: promoteReplica,
}

func promoteReplica(ctx context.Context, r *Run) (err error) {
	s, err := open(ctx, r, node.Config{AOF: node.Off, Args: []string{"--repl-diskless-sync-delay", "0"}})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	host, port, err := net.SplitHostPort(s.redis.Addr())
	if err != nil {
		return err
	}
	replica, err := node.Start(ctx, node.Config{Args: []string{"--replicaof", host + " " + port}})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, replica.Close()) }()
	if err := replicaLinked(ctx, s.redis); err != nil {
		return err
	}
	producer, err := s.Producer(load.ProducerConfig{Jobs: 1_000_000, PerSecond: 500, Replicas: 1})
	if err != nil {
		return err
	}
	err = inTurn(
		func() error { return s.seen(ctx, history.EnqueueOK, 1) },
		func() error { return wait(ctx, r.Between(time.Second, 2*time.Second)) },
		replica.Pause,
		// Cut off, so that nothing waits in its socket for the moment when it wakes.
		func() error { return s.redis.Client().ClientKillByFilter(ctx, "TYPE", "replica").Err() },
		// Longer than a call waits for the replica: one that takes that for a yes has to have confirmed something.
		func() error { return wait(ctx, load.ConfirmWithin+r.Between(time.Second/2, 3*time.Second/2)) },
		s.redis.Kill,
		replica.Resume,
		func() error { return replica.Client().Do(ctx, "REPLICAOF", "NO", "ONE").Err() },
		producer.Stop,
	)
	if err != nil {
		return err
	}
	final, err := s.Final(ctx, replica.Client())
	if err != nil {
		return err
	}
	records, err := s.History()
	if err != nil {
		return err
	}
	report := checker.Check(records, final, checker.Options{Lease: s.Lease, MayLoseWrites: true})
	r.Figure("%d confirmed, %d lost, %d unknown", report.Enqueued, len(report.Lost), report.Unknown)
	r.Show(report.Enqueued > 0 && report.Unknown > 0, "confirmed %d, unknown %d", report.Enqueued, report.Unknown)
	r.Require(!report.Bad(), "%d confirmed jobs were lost", len(report.Lost))
	return report.Table(r.Out)
}

// inTurn does one step after another until one fails.
func inTurn(steps ...func() error) error {
	for n, step := range steps {
		if err := step(); err != nil {
			return fmt.Errorf("step %d: %w", n+1, err)
		}
	}
	return nil
}

// replicaLinked returns when a master has a replica that confirms what it gets.
func replicaLinked(ctx context.Context, master *node.Redis) error {
	ctx, cancel := context.WithTimeoutCause(ctx, 20*time.Second, errors.New("the replica did not follow its master"))
	defer cancel()
	for {
		if n, err := master.Client().Do(ctx, "WAIT", 1, 100).Int(); err == nil && n > 0 {
			return nil
		}
		if err := wait(ctx, 20*time.Millisecond); err != nil {
			return err
		}
	}
}
