package worker_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dueq-io/dueq/internal/redistest"
	"github.com/dueq-io/dueq/internal/testhook"
	"github.com/dueq-io/dueq/queue"
	"github.com/dueq-io/dueq/worker"
)

// A job that runs for several leases is not doubled, with another worker and a reaper waiting for it.
func TestHeartbeatKeepsALongJob(t *testing.T) {
	t.Parallel()
	client := open(t, redistest.URL(t))
	schedule(t, client)
	cfg := only("q")
	cfg.Lease = 1200 * time.Millisecond
	done := make(chan int, 10)
	var runs atomic.Int64
	long := handlers{"k": func(ctx context.Context, d *queue.Delivery) error {
		runs.Add(1)
		select {
		case <-time.After(4 * time.Second):
			done <- d.LostLeases
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}}
	first, second := run(t, client, cfg, long), run(t, client, cfg, long)
	id := enqueue(t, client, queue.Job{Queue: "q", Kind: "k"})
	if lost := next(t, done); lost != 0 || runs.Load() != 1 {
		t.Errorf("ran %d times, %d leases lost", runs.Load(), lost)
	}
	vanishes(t, client, "q", id)
	if s := first.Stats().Started + second.Stats().Started; s != 1 {
		t.Errorf("%d starts", s)
	}
}

// A worker that lost its lease learns it by its context, and what its handler returns is refused: the
// other worker's run is the one that counts.
func TestLostLeaseFencesTheLateWorker(t *testing.T) {
	t.Parallel()
	for name, result := range map[string]error{
		"ack": nil, "retry": errOops, "bury": worker.Dead(errOops), "snooze": worker.Snooze(time.Hour),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			both(t, func(t *testing.T, client *queue.Client) {
				cfg := only("q")
				cfg.Lease = 3 * time.Second
				cfg.Concurrency = 1 // so that it does not take the job again
				causes := make(chan error, 1)
				returns := make(chan struct{})
				late := build(t, client, cfg, handlers{"k": func(ctx context.Context, _ *queue.Delivery) error {
					<-ctx.Done()
					causes <- context.Cause(ctx)
					<-returns
					return result
				}})
				stop := begin(t, late)
				id := enqueue(t, client, queue.Job{Queue: "q", Kind: "k"})
				redistest.Eventually(t, patience, func() bool { return late.Stats().Running == 1 }, "the job did not start")
				takeAway(t, client)
				other, err := lease1(t, client)
				if err != nil || other.ID != id || other.LostLeases != 1 || other.Attempt != 2 {
					t.Fatalf("%+v, %v", other, err)
				}
				if cause := next(t, causes); !errors.Is(cause, queue.ErrLeaseLost) {
					t.Errorf("the context ended with %v, want ErrLeaseLost", cause)
				}
				close(returns)
				stats(t, late, worker.Stats{Started: 1, LeasesLost: 1})
				job, err := client.Inspector().Job(t.Context(), "q", id)
				if err != nil || job.State != queue.Leased || job.Token != other.Token || job.Failures != 0 {
					t.Errorf("after the late return: %+v, %v", job, err)
				}
				if err := client.Broker().Ack(t.Context(), other); err != nil {
					t.Errorf("the owner's ack: %v", err)
				}
				if err := stop(); err != nil {
					t.Fatal(err)
				}
				empty(t, client, "q")
			})
		})
	}
}

// takeAway ends the lease of the one running job as a reaper would when the lease has run out.
func takeAway(t *testing.T, client *queue.Client) {
	t.Helper()
	b := client.Broker()
	if _, err := b.Reap(t.Context(), "q", queue.ReapConfig{}); err != nil { // so that the next sees no stall
		t.Fatal(err)
	}
	testhook.ShiftTime(client, 4*time.Second)
	r, err := b.Reap(t.Context(), "q", queue.ReapConfig{})
	if err != nil || r.Readied != 1 {
		t.Fatalf("reap: %+v, %v", r, err)
	}
}

// lease1 leases the one ready job, as another worker.
func lease1(t *testing.T, client *queue.Client) (*queue.Delivery, error) {
	t.Helper()
	var got []*queue.Delivery
	var err error
	redistest.Eventually(t, patience, func() bool {
		got, _, err = client.Broker().Lease(t.Context(), "q", 1, time.Minute)
		return err != nil || len(got) == 1
	}, "nothing to lease")
	if err != nil {
		return nil, err
	}
	return got[0], nil
}

// A job that is cancelled while it runs ends its handler's context, and nothing of it is left whatever
// the handler returns.
func TestCancelOfARunningJob(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		result func(ctx context.Context) error
		verb   string
		want   worker.Stats
	}{
		"returns the cause": {context.Cause, "cancel", worker.Stats{Started: 1}},
		"fails for good":    {func(context.Context) error { return worker.Dead(errOops) }, "cancel", worker.Stats{Started: 1}},
		"finishes":          {func(context.Context) error { return nil }, "ack", worker.Stats{Started: 1, Done: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			both(t, func(t *testing.T, client *queue.Client) {
				cfg := only("q")
				cfg.Lease = time.Second
				started, causes := make(chan struct{}, 1), make(chan error, 1)
				w := run(t, client, cfg, handlers{"k": func(ctx context.Context, _ *queue.Delivery) error {
					started <- struct{}{}
					<-ctx.Done()
					causes <- context.Cause(ctx)
					return c.result(ctx)
				}})
				id := enqueue(t, client, queue.Job{Queue: "q", Kind: "k", Unique: queue.Unique{Key: "one"}})
				next(t, started)
				if err := client.Cancel(t.Context(), "q", id); !errors.Is(err, queue.ErrRunning) {
					t.Errorf("cancel: %v, want ErrRunning", err)
				}
				if cause := next(t, causes); !errors.Is(cause, queue.ErrCancelled) {
					t.Errorf("the context ended with %v, want ErrCancelled", cause)
				}
				vanishes(t, client, "q", id)
				stats(t, w, c.want)
				if n := info(t, client, "q").Counts[c.verb]; n != 1 {
					t.Errorf("%s was counted %d times", c.verb, n)
				}
				// Neither its lock nor its ID is left.
				if _, err := client.Enqueue(t.Context(), queue.Job{Queue: "q", Kind: "later", ID: id, Delay: time.Hour, Unique: queue.Unique{Key: "one"}}); err != nil {
					t.Error(err)
				}
			})
		})
	}
}
