package worker_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/dueq-io/dueq/internal/redistest"
	"github.com/dueq-io/dueq/queue"
)

// seen waits until exactly so many workers are alive, and returns them.
func seen(t *testing.T, c *queue.Client, n int) (all []queue.WorkerInfo) {
	t.Helper()
	redistest.Eventually(t, patience, func() bool {
		var err error
		if all, err = c.Inspector().Workers(t.Context()); err != nil {
			t.Fatal(err)
		}
		return len(all) == n
	}, "not %d workers are seen", n)
	return all
}

// A worker that is told from afar to be quiet takes no more jobs and lets those that run end; told to stop, its
// Run returns. What it does is seen meanwhile, and when it has stopped it is not.
func TestQuietAndStopFromAfar(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, c *queue.Client) {
		ctx := t.Context()
		release, started := make(chan struct{}), atomic.Int64{}
		cfg := only("q")
		cfg.Name, cfg.Concurrency = "one", 2
		w := build(t, c, cfg, handlers{"k": func(context.Context, *queue.Delivery) error {
			started.Add(1)
			<-release
			return nil
		}})
		done := make(chan error, 1)
		go func() { done <- w.Run(context.WithoutCancel(ctx)) }()
		enqueue(t, c, queue.Job{Queue: "q", Kind: "k", ID: "old"})
		redistest.Eventually(t, patience, func() bool { return started.Load() == 1 }, "it does not run")
		enqueue(t, c, queue.Job{Queue: "q", Kind: "k", ID: "young"})
		var one queue.WorkerInfo
		redistest.Eventually(t, patience, func() bool {
			one = seen(t, c, 1)[0]
			return len(one.Running) == 2
		}, "the jobs that run are not seen")
		if one.Name != "one" || one.State != queue.WorkerRunning || one.Queues["q"] != 1 || one.Concurrency != 2 || one.Busy != 2 ||
			one.Counts["started"] != 2 || one.Running[0].ID != "old" || one.Running[0].Kind != "k" || time.Since(one.Running[0].Since) > time.Hour {
			t.Errorf("%+v", one)
		}

		if err := c.Inspector().QuietWorker(ctx, one.ID); err != nil {
			t.Fatal(err)
		}
		redistest.Eventually(t, patience, func() bool { return seen(t, c, 1)[0].State == queue.WorkerQuiet }, "it is not quiet")
		enqueue(t, c, queue.Job{Queue: "q", Kind: "k", ID: "late"})
		close(release)
		redistest.Eventually(t, patience, func() bool { return w.Stats().Done == 2 }, "what ran did not end")
		redistest.Eventually(t, patience, func() bool { return seen(t, c, 1)[0].Counts["done"] == 2 }, "it is not said")
		if q := info(t, c, "q"); q.Ready != 1 || started.Load() != 2 {
			t.Errorf("a quiet worker took a job: %d ready, %d started", q.Ready, started.Load())
		}
		// Its part of the hint has gone back: whoever comes takes the job.
		run(t, c, only("q"), handlers{"k": func(context.Context, *queue.Delivery) error { return nil }})
		redistest.Eventually(t, patience, func() bool { return info(t, c, "q").Ready == 0 }, "the other worker has no job")

		if err := c.Inspector().StopWorker(ctx, one.ID); err != nil {
			t.Fatal(err)
		}
		select {
		case err := <-done:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(patience):
			t.Fatal("Run does not return")
		}
		if left := seen(t, c, 1)[0]; left.ID == one.ID {
			t.Errorf("a worker that has stopped is seen: %+v", left)
		}
	})
}

// Told to stop without being quiet before, a worker gives its running jobs their grace time and then back.
func TestStopFromAfarReleases(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, c *queue.Client) {
		cfg := only("q")
		cfg.Grace = -1
		began := make(chan struct{})
		w := build(t, c, cfg, handlers{"k": func(ctx context.Context, _ *queue.Delivery) error {
			close(began)
			<-ctx.Done()
			return ctx.Err()
		}})
		done := make(chan error, 1)
		go func() { done <- w.Run(context.WithoutCancel(t.Context())) }()
		enqueue(t, c, queue.Job{Queue: "q", Kind: "k"})
		<-began
		if err := c.Inspector().StopWorker(t.Context(), seen(t, c, 1)[0].ID); err != nil {
			t.Fatal(err)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
		if q := info(t, c, "q"); q.Ready != 1 || q.Leased != 0 {
			t.Errorf("%+v", q)
		}
		seen(t, c, 0)
	})
}

// A worker that cannot be seen works all the same.
func TestWorkerThatCannotBeSeen(t *testing.T) {
	t.Parallel()
	c := open(t, redistest.URL(t))
	opt, err := redis.ParseURL(redistest.URL(t))
	if err != nil {
		t.Fatal(err)
	}
	rdb := redis.NewClient(opt)
	defer rdb.Close()
	if err := rdb.Set(t.Context(), c.Namespace()+":fleet", "foreign", 0).Err(); err != nil {
		t.Fatal(err)
	}
	w := run(t, c, only("q"), handlers{"k": func(context.Context, *queue.Delivery) error { return nil }})
	enqueue(t, c, queue.Job{Queue: "q", Kind: "k"})
	redistest.Eventually(t, patience, func() bool { return w.Stats().Done == 1 }, "it does not run")
}
