package fault

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/dueq-io/dueq/test/chaos/checker"
	"github.com/dueq-io/dueq/test/chaos/history"
	"github.com/dueq-io/dueq/test/chaos/load"
	"github.com/dueq-io/dueq/test/chaos/node"
)

const (
	lease = 2 * time.Second
	// drainWithin is how long a queue may take to run dry after the last fault and the last job.
	drainWithin = 2 * time.Minute
)

// stage is a Redis, or several, with a fleet at it.
type stage struct {
	*load.Fleet
	run     *Run
	servers io.Closer
	// redis is the one that has the queue; where there are several, the row says which once it is over.
	redis *node.Redis
}

// open starts a Redis and an empty fleet. Close ends both.
func open(ctx context.Context, r *Run, cfg node.Config) (*stage, error) {
	server, err := node.Start(ctx, cfg)
	if err != nil {
		return nil, err
	}
	s, err := openAt(r, server.URL(), server)
	if err != nil {
		return nil, err
	}
	s.redis = server
	return s, nil
}

// openAt makes an empty fleet at servers that run already, which become the stage's to close.
func openAt(r *Run, url string, servers io.Closer) (*stage, error) {
	fleet, err := load.NewFleet(url, lease)
	if err != nil {
		return nil, errors.Join(err, servers.Close())
	}
	if r.Binary != "" {
		fleet.Binary = r.Binary
	}
	return &stage{Fleet: fleet, run: r, servers: servers}, nil
}

// Close ends every process.
func (s *stage) Close() error { return errors.Join(s.Fleet.Close(), s.servers.Close()) }

// workers starts n workers of one kind.
func (s *stage) workers(n int, cfg load.WorkerConfig) ([]*load.Process, error) {
	out := make([]*load.Process, n)
	for i := range out {
		var err error
		if out[i], err = s.Worker(cfg); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// seen returns when something has happened n times: a busy machine takes seconds to start a process, and a
// fault before that meets nothing.
func (s *stage) seen(ctx context.Context, what history.Type, n int) error {
	ctx, cancel := context.WithTimeoutCause(ctx, drainWithin, fmt.Errorf("the fleet was not at work within %v", drainWithin))
	defer cancel()
	for {
		records, err := s.History()
		if err != nil {
			return err
		}
		count := 0
		for _, e := range records {
			if e.Type == what {
				count++
			}
		}
		if count >= n {
			return nil
		}
		if err := wait(ctx, 20*time.Millisecond); err != nil {
			return err
		}
	}
}

// judge waits until the producers are done and the queue is empty, and checks and prints what happened.
func (s *stage) judge(ctx context.Context, opt checker.Options, producers ...*load.Process) (*checker.Report, error) {
	within := drainWithin
	for _, p := range producers {
		within = max(within, drainWithin+p.Takes)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, within, fmt.Errorf("not over within %v", within))
	defer cancel()
	for _, p := range producers {
		select {
		case <-p.Done():
		case <-ctx.Done():
			return nil, fmt.Errorf("a producer did not end: %w", context.Cause(ctx))
		}
		if err := p.Wait(); err != nil {
			return nil, err
		}
	}
	if err := s.Drained(ctx); err != nil {
		s.run.Require(false, "%v", err)
	}
	final, err := s.Final(ctx, s.redis.Client())
	if err != nil {
		return nil, err
	}
	records, err := s.History()
	if err != nil {
		return nil, err
	}
	opt.Lease = s.Lease
	report := checker.Check(records, final, opt)
	if err := report.Table(s.run.Out); err != nil {
		return nil, err
	}
	return report, nil
}

// soundly requires what must hold whatever broke, and that every job was acked.
func (r *Run) soundly(report *checker.Report, jobs int) {
	r.Figure("%d jobs, %d lost, %d fencing, %d early", report.Enqueued, len(report.Lost)+len(report.Unrun),
		len(report.Fencing), len(report.Early))
	r.Require(!report.Bad(), "the checker found what must never be: see the table of the run")
	r.Require(report.Enqueued == jobs, "%d of %d jobs were confirmed", report.Enqueued, jobs)
	r.Require(report.Left == 0, "%d jobs were left in the queue", report.Left)
	r.Require(report.Started >= jobs, "%d of %d jobs were started", report.Started, jobs)
}
