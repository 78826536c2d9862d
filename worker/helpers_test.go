package worker_test

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/dueq-io/dueq/internal/redistest"
	"github.com/dueq-io/dueq/internal/testhook"
	"github.com/dueq-io/dueq/queue"
	"github.com/dueq-io/dueq/scheduler"
	"github.com/dueq-io/dueq/worker"
)

// patience is how long a test waits for what should come at once: long, for a loaded machine.
const patience = 20 * time.Second

var (
	quiet   = slog.New(slog.DiscardHandler)
	errOops = errors.New("oops")
)

// both runs a test on a real Redis and on the embedded one.
func both(t *testing.T, test func(t *testing.T, c *queue.Client)) {
	t.Helper()
	for name, url := range map[string]func(testing.TB) string{
		"redis":  redistest.URL,
		"memory": func(testing.TB) string { return "memory://" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open(t, url(t)))
		})
	}
}

// open makes a client with a namespace of its own.
func open(t *testing.T, url string) *queue.Client {
	t.Helper()
	c, err := queue.Config{Namespace: redistest.Prefix(t), Logger: quiet}.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// only is a Config that serves one queue and is quiet.
func only(name string) worker.Config {
	return worker.Config{Queues: map[string]int{name: 1}, Logger: quiet}
}

// handlers is what a worker runs, by kind.
type handlers map[string]worker.HandlerFunc

func build(t *testing.T, c *queue.Client, cfg worker.Config, all handlers) *worker.Worker {
	t.Helper()
	w, err := worker.New(c, cfg)
	if err != nil {
		t.Fatal(err)
	}
	for kind, h := range all {
		w.Handle(kind, h)
	}
	return w
}

// run runs a worker until the test ends, where it must stop without an error.
func run(t *testing.T, c *queue.Client, cfg worker.Config, all handlers) *worker.Worker {
	t.Helper()
	w := build(t, c, cfg, all)
	stop := begin(t, w)
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Errorf("worker: %v", err)
		}
	})
	return w
}

// begin runs a worker until the returned function is called, which returns what Run returned.
func begin(t *testing.T, w *worker.Worker) (stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx) }()
	return sync.OnceValue(func() error {
		cancel()
		select {
		case err := <-done:
			return err
		case <-time.After(patience):
			return errors.New("Run does not return")
		}
	})
}

// schedule runs a scheduler until the test ends.
func schedule(t *testing.T, c *queue.Client) {
	t.Helper()
	s, err := scheduler.New(c, scheduler.Config{Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("scheduler: %v", err)
		}
	})
}

// enqueue hands jobs in and returns the ID of the last.
func enqueue(t *testing.T, c *queue.Client, jobs ...queue.Job) (id string) {
	t.Helper()
	results, err := c.EnqueueMany(t.Context(), jobs)
	if err != nil {
		t.Fatal(err)
	}
	return results[len(results)-1].ID
}

// advance moves the client's time and wakes its scheduler.
func advance(t *testing.T, c *queue.Client, name string, d time.Duration) {
	t.Helper()
	testhook.ShiftTime(c, d)
	if err := c.Broker().WakeTick(t.Context(), name); err != nil {
		t.Fatal(err)
	}
}

// info returns the queue as it is.
func info(t *testing.T, c *queue.Client, name string) queue.QueueInfo {
	t.Helper()
	q, err := c.Inspector().Queue(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

// reaches waits until a job is in a state and returns it. A look at a job is not one step, so the job is
// read once more when it is there.
func reaches(t *testing.T, c *queue.Client, name, id string, state queue.State) queue.JobInfo {
	t.Helper()
	var job queue.JobInfo
	is := func() bool {
		var err error
		job, err = c.Inspector().Job(t.Context(), name, id)
		return err == nil && job.State == state
	}
	redistest.Eventually(t, patience, func() bool { return is() && is() }, "job %s did not become %s", id, state)
	return job
}

// vanishes waits until nothing is left of a job.
func vanishes(t *testing.T, c *queue.Client, name, id string) {
	t.Helper()
	redistest.Eventually(t, patience, func() bool {
		_, err := c.Inspector().Job(t.Context(), name, id)
		return errors.Is(err, queue.ErrNotFound)
	}, "job %s is still there", id)
	empty(t, c, name)
}

// empty fails the test for a queue that holds a job.
func empty(t *testing.T, c *queue.Client, name string) {
	t.Helper()
	q := info(t, c, name)
	for _, state := range queue.States() {
		if n := q.State(state); n != 0 {
			t.Errorf("queue %s holds %d %s jobs", name, n, state)
		}
	}
}

// stats waits until a worker has counted what it should have, and nothing else.
func stats(t *testing.T, w *worker.Worker, want worker.Stats) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for w.Stats() != want && time.Now().Before(deadline) {
		<-time.After(time.Millisecond)
	}
	if got := w.Stats(); got != want {
		t.Errorf("counted %+v, want %+v", got, want)
	}
}

// next waits for the next value of a channel.
func next[T any](t *testing.T, ch <-chan T) T {
	t.Helper()
	select {
	case v := <-ch:
		return v
	case <-time.After(patience):
		t.Fatal("nothing came")
		panic("unreachable")
	}
}
