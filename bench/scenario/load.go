package scenario

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/dueq-io/dueq/bench/system"
)

const (
	// payloadBytes is what a job carries where nothing else is said.
	payloadBytes = 1024
	// bulk is the number of jobs in one EnqueueMany.
	bulk = 500
)

// enqueueFrom makes n single calls from so many callers; job builds the i-th job.
func enqueueFrom(ctx context.Context, sys system.System, callers, n int, job func(i int) system.Job) error {
	group, ctx := errgroup.WithContext(ctx)
	var next atomic.Int64
	for range callers {
		group.Go(func() error {
			for {
				i := int(next.Add(1)) - 1
				if i >= n {
					return nil
				}
				if err := sys.Enqueue(ctx, job(i)); err != nil {
					return err
				}
			}
		})
	}
	return group.Wait()
}

// enqueueInBulk stores n jobs by EnqueueMany.
func enqueueInBulk(ctx context.Context, sys system.System, n int, job func(i int) system.Job) error {
	jobs := make([]system.Job, 0, bulk)
	for i := range n {
		jobs = append(jobs, job(i))
		if len(jobs) < bulk && i < n-1 {
			continue
		}
		if err := sys.EnqueueMany(ctx, jobs); err != nil {
			return err
		}
		jobs = jobs[:0]
	}
	return nil
}

// preload stores n jobs in the quickest way that the system has; its time is not measured.
func preload(ctx context.Context, sys system.System, n int, job func(i int) system.Job) error {
	err := enqueueInBulk(ctx, sys, n, job)
	if errors.Is(err, errors.ErrUnsupported) {
		err = enqueueFrom(ctx, sys, concurrency, n, job)
	}
	if err != nil {
		return fmt.Errorf("preload %d jobs: %w", n, err)
	}
	return nil
}

// atOnce makes jobs that are due now and share one payload, so that building them costs next to nothing.
func atOnce() func(int) system.Job {
	job := system.Job{Queue: queueName, Payload: make([]byte, payloadBytes)}
	return func(int) system.Job { return job }
}

// pause waits, unless the run is over.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// tally counts handled jobs and says when the last one came.
type tally struct {
	want int64
	seen atomic.Int64
	done chan struct{}
}

func newTally(want int) *tally {
	return &tally{want: int64(want), done: make(chan struct{})}
}

func (t *tally) add() {
	if t.seen.Add(1) == t.want {
		close(t.done)
	}
}

// settled waits until all jobs have been handled and acknowledged too.
func (t *tally) settled(ctx context.Context, sys system.System) error {
	select {
	case <-t.done:
	case <-ctx.Done():
		return fmt.Errorf("%d of %d jobs ran: %w", t.seen.Load(), t.want, ctx.Err())
	}
	for {
		left, err := sys.Unsettled(ctx, queueName)
		if err != nil {
			return err
		}
		if left == 0 {
			break
		}
		if err := pause(ctx, 500*time.Microsecond); err != nil {
			return err
		}
	}
	if ran := t.seen.Load(); ran != t.want {
		return fmt.Errorf("%d jobs ran %d times", t.want, ran)
	}
	return nil
}

// perSecond is the metric of a throughput scenario.
func perSecond(name string, n int, took time.Duration) []Metric {
	return []Metric{{Name: name, Value: float64(n) / took.Seconds(), Unit: "jobs/s"}}
}
