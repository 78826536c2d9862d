package worker_test

import (
	"context"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dueq-io/dueq/internal/redistest"
	"github.com/dueq-io/dueq/queue"
	"github.com/dueq-io/dueq/worker"
)

// gauge is how many handlers run at once, now and at most, in all and by queue.
type gauge struct {
	mu        sync.Mutex
	now, most map[string]int
	ran       int
}

func (g *gauge) add(name string, n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.now == nil {
		g.now, g.most = map[string]int{}, map[string]int{}
	}
	for _, key := range []string{"", name} {
		g.now[key] += n
		g.most[key] = max(g.most[key], g.now[key])
	}
	if n < 0 {
		g.ran++
	}
}

func (g *gauge) done() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.ran
}

// Ten at once, never eleven; and no queue above its own limit.
func TestConcurrencyLimits(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, client *queue.Client) {
		const each = 60
		var g gauge
		cfg := worker.Config{
			Queues: map[string]int{"a": 1, "b": 1, "c": 5}, Concurrency: 10,
			QueueConcurrency: map[string]int{"a": 3, "b": 1}, Logger: quiet,
		}
		run(t, client, cfg, handlers{"k": func(_ context.Context, d *queue.Delivery) error {
			g.add(d.Queue, 1)
			<-time.After(time.Millisecond)
			g.add(d.Queue, -1)
			return nil
		}})
		for _, name := range []string{"a", "b", "c"} {
			enqueue(t, client, slices.Repeat([]queue.Job{{Queue: name, Kind: "k"}}, each)...)
		}
		redistest.Eventually(t, patience, func() bool { return g.done() == 3*each }, "not all jobs ran")
		for key, want := range map[string]int{"": 10, "a": 3, "b": 1, "c": 10} {
			if g.most[key] > want {
				t.Errorf("queue %q: %d at once, want at most %d", key, g.most[key], want)
			}
		}
		if g.most[""] < 8 {
			t.Errorf("at most %d of 10 ran at once", g.most[""])
		}
	})
}

// A worker leases what it can start, and nothing beyond: what it does not run, others can. Its memory
// does not grow with the backlog. This test is alone: it reads the memory of the whole process.
func TestNoPrefetch(t *testing.T) { //nolint:paralleltest // see above
	client := open(t, redistest.URL(t))
	const backlog, size = 5000, 4 << 10
	jobs := slices.Repeat([]queue.Job{{Queue: "q", Kind: "k", Payload: make([]byte, size)}}, backlog)
	enqueue(t, client, jobs...)
	before := heap()
	cfg := only("q")
	cfg.Concurrency = 10
	release := make(chan struct{})
	var started atomic.Int64
	w := run(t, client, cfg, handlers{"k": func(ctx context.Context, _ *queue.Delivery) error {
		started.Add(1)
		select {
		case <-release:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}})
	redistest.Eventually(t, patience, func() bool { return started.Load() == 10 }, "10 jobs did not start")
	// What it would fetch beyond, it would fetch within its poll.
	<-time.After(1200 * time.Millisecond)
	if q := info(t, client, "q"); q.Leased != 10 || q.Ready != backlog-10 || started.Load() != 10 {
		t.Errorf("%d leased, %d ready, %d started; want 10, %d, 10", q.Leased, q.Ready, started.Load(), backlog-10)
	}
	if grown := int64(heap()) - int64(before); grown > backlog*size/4 {
		t.Errorf("%d KiB more in memory beside a backlog of %d KiB", grown>>10, backlog*size>>10)
	}
	if s := w.Stats(); s.Running != 10 {
		t.Errorf("%+v", s)
	}
	if err := client.Inspector().Pause(t.Context(), "q"); err != nil {
		t.Fatal(err)
	}
	close(release)
}

func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// A slot is free when its handler has returned, not when its context has ended or its lease is lost.
func TestSlotIsFreeOnlyWhenTheHandlerReturned(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, client *queue.Client) {
		cfg := only("q")
		cfg.Concurrency = 2
		cfg.Lease = time.Second
		ended, release := make(chan struct{}, 2), make(chan struct{})
		var started atomic.Int64
		w := run(t, client, cfg, handlers{
			"stubborn": func(ctx context.Context, _ *queue.Delivery) error {
				started.Add(1)
				<-ctx.Done()
				ended <- struct{}{}
				<-release
				return ctx.Err()
			},
			"k": func(context.Context, *queue.Delivery) error { started.Add(1); return nil },
		})
		var ids []string
		for range 2 {
			ids = append(ids, enqueue(t, client, queue.Job{Queue: "q", Kind: "stubborn"}))
		}
		redistest.Eventually(t, patience, func() bool { return started.Load() == 2 }, "2 jobs did not start")
		for _, id := range ids {
			_ = client.Cancel(t.Context(), "q", id) // it is running: only its context ends
		}
		next(t, ended)
		next(t, ended)
		enqueue(t, client, queue.Job{Queue: "q", Kind: "k"})
		<-time.After(1500 * time.Millisecond) // more than a poll and a lease
		if n := started.Load(); n != 2 {
			t.Errorf("%d handlers started beside 2 that have not returned", n-2)
		}
		close(release)
		redistest.Eventually(t, patience, func() bool { return started.Load() == 3 }, "the third job did not start")
		stats(t, w, worker.Stats{Started: 3, Done: 1})
	})
}

// An idle worker starts a job at once, and of a fleet that is idle all start: each wakes the next. This
// test is alone: it tells a hint from a poll by the time.
func TestIdleWorkersWakeInAChain(t *testing.T) { //nolint:paralleltest // see above
	for name, url := range map[string]string{"redis": redistest.URL(t), "memory": "memory://"} {
		client := open(t, url)
		const fleet = 4
		release := make(chan struct{})
		started := make(chan time.Time, 100)
		cfg := only("q")
		cfg.Concurrency = 2
		for range fleet {
			run(t, client, cfg, handlers{
				"hold": func(context.Context, *queue.Delivery) error { started <- time.Now(); <-release; return nil },
				"k":    func(context.Context, *queue.Delivery) error { started <- time.Now(); return nil },
			})
		}
		enqueue(t, client, queue.Job{Queue: "q", Kind: "k"})
		next(t, started)
		<-time.After(300 * time.Millisecond) // all of them wait for a hint again
		began := time.Now()
		enqueue(t, client, queue.Job{Queue: "q", Kind: "k"})
		one := next(t, started).Sub(began)
		<-time.After(100 * time.Millisecond)
		began = time.Now()
		enqueue(t, client, slices.Repeat([]queue.Job{{Queue: "q", Kind: "hold"}}, 2*fleet)...)
		var last time.Time
		for range 2 * fleet {
			last = next(t, started)
		}
		t.Logf("%s: one job after %v, %d jobs on %d workers after %v", name, one, 2*fleet, fleet, last.Sub(began))
		// Without hints it would be the poll, of a second.
		if one > 500*time.Millisecond || last.Sub(began) > 800*time.Millisecond {
			t.Errorf("one job after %v, all workers after %v: that was the poll, not the hint", one, last.Sub(began))
		}
		close(release)
	}
}

func TestLostHintIsHealedWithinASecond(t *testing.T) {
	t.Parallel()
	client := open(t, redistest.URL(t))
	rdb := redistest.Client(t)
	started := make(chan time.Time, 10)
	run(t, client, only("q"), handlers{"k": func(context.Context, *queue.Delivery) error { started <- time.Now(); return nil }})
	enqueue(t, client, queue.Job{Queue: "q", Kind: "k"})
	next(t, started)
	// The job comes with its hint gone, as when a worker died that had just taken it: a paused queue's
	// hint is spent on finding that out, and what resumes it here leaves none.
	if err := client.Inspector().Pause(t.Context(), "q"); err != nil {
		t.Fatal(err)
	}
	enqueue(t, client, queue.Job{Queue: "q", Kind: "k"})
	redistest.Eventually(t, patience, func() bool {
		return rdb.Exists(t.Context(), client.Namespace()+":{q}:wake").Val() == 0
	}, "the hint was not taken")
	if err := rdb.HDel(t.Context(), client.Namespace()+":{q}:meta", "paused").Err(); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if late := next(t, started).Sub(began); late > 2*time.Second {
		t.Errorf("started after %v, want about a second", late)
	}
}

func TestPauseAndResume(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, client *queue.Client) {
		started := make(chan string, 10)
		release := make(chan struct{})
		run(t, client, worker.Config{Queues: map[string]int{"q": 1, "other": 1}, Logger: quiet}, handlers{
			"hold": func(_ context.Context, d *queue.Delivery) error { started <- d.ID; <-release; return nil },
			"k":    func(_ context.Context, d *queue.Delivery) error { started <- d.ID; return nil },
		})
		running := enqueue(t, client, queue.Job{Queue: "q", Kind: "hold"})
		next(t, started)
		if err := client.Inspector().Pause(t.Context(), "q"); err != nil {
			t.Fatal(err)
		}
		var waiting []string
		for range 3 {
			waiting = append(waiting, enqueue(t, client, queue.Job{Queue: "q", Kind: "k"}))
		}
		other := enqueue(t, client, queue.Job{Queue: "other", Kind: "k"})
		if got := next(t, started); got != other {
			t.Errorf("ran %s of %v, want that of the other queue", got, waiting)
		}
		close(release) // what runs goes on to its end
		redistest.Eventually(t, patience, func() bool {
			_, err := client.Inspector().Job(t.Context(), "q", running)
			return err != nil && strings.Contains(err.Error(), "no such job")
		}, "the running job was not acked")
		<-time.After(1200 * time.Millisecond)
		if q := info(t, client, "q"); q.Ready != 3 || len(started) != 0 {
			t.Errorf("%d ready in the paused queue, %d started", q.Ready, len(started))
		}
		if err := client.Inspector().Resume(t.Context(), "q"); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			next(t, started)
		}
	})
}
