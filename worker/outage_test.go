package worker_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/dueq-io/dueq/internal/redistest"
	"github.com/dueq-io/dueq/queue"
	"github.com/dueq-io/dueq/worker"
)

// comeback is how soon work has to go on when Redis is back, with some more for a loaded machine.
const comeback = 2*time.Second + 2*time.Second

// lasting starts a private server that loses nothing when it is killed.
func lasting(t *testing.T) *redistest.Server {
	t.Helper()
	return redistest.Start(t, "--appendonly", "yes", "--appendfsync", "always")
}

// journal counts log lines by message.
type journal struct {
	mu    sync.Mutex
	lines []string
}

func (j *journal) logger() *slog.Logger { return slog.New(slog.NewTextHandler(j, nil)) }

func (j *journal) Write(line []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines = append(j.lines, string(line))
	return len(line), nil
}

func (j *journal) count(msg string) int {
	j.mu.Lock()
	defer j.mu.Unlock()
	n := 0
	for _, line := range j.lines {
		if strings.Contains(line, "msg="+msg+" ") || strings.Contains(line, fmt.Sprintf("msg=%q ", msg)) {
			n++
		}
	}
	return n
}

func TestRedisIsAwayAtStart(t *testing.T) {
	t.Parallel()
	server := lasting(t)
	client := open(t, server.URL())
	id := enqueue(t, client, queue.Job{Queue: "q", Kind: "k", Delay: 10 * time.Millisecond})
	server.Kill()
	ran := make(chan string, 10)
	run(t, client, only("q"), handlers{"k": func(_ context.Context, d *queue.Delivery) error { ran <- d.ID; return nil }})
	schedule(t, client)
	<-time.After(4 * time.Second) // long enough for the pauses to have grown
	server.Restart()
	back := time.Now()
	if got := next(t, ran); got != id {
		t.Errorf("ran %s, want %s", got, id)
	}
	if took := time.Since(back); took > comeback {
		t.Errorf("the job ran %v after Redis was back", took)
	}
	vanishes(t, client, "q", id)
}

// Redis dies with jobs running, which finish while it is away, and comes back: each job is done once,
// and the rest goes on.
func TestRedisDiesMidway(t *testing.T) {
	t.Parallel()
	server := lasting(t)
	client := open(t, server.URL())
	schedule(t, client)
	const running, waiting = 8, 40
	release := make(chan struct{})
	var runs sync.Map
	var started atomic.Int64
	var log journal
	cfg := only("q")
	cfg.Concurrency = running
	cfg.Logger = log.logger()
	w := run(t, client, cfg, handlers{"k": func(_ context.Context, d *queue.Delivery) error {
		n, _ := runs.LoadOrStore(d.ID, new(atomic.Int64))
		n.(*atomic.Int64).Add(1)
		started.Add(1)
		<-release
		return nil
	}})
	enqueue(t, client, slices.Repeat([]queue.Job{{Queue: "q", Kind: "k"}}, running+waiting)...)
	redistest.Eventually(t, patience, func() bool { return started.Load() == running }, "%d jobs did not start", running)
	server.Kill()
	gone := time.Now()
	close(release)
	<-time.After(3 * time.Second)
	if s := w.Stats(); s.Done != 0 || s.Running != running {
		t.Errorf("while Redis was away: %+v", s)
	}
	server.Restart()
	back := time.Now()
	redistest.Eventually(t, patience, func() bool { return w.Stats().Done == running+waiting }, "not all jobs were done")
	if took := time.Since(back); took > comeback {
		t.Errorf("all was done only %v after Redis was back", took)
	}
	if s := w.Stats(); s.Started != running+waiting || s.LeasesLost+s.Unsettled != 0 {
		t.Errorf("%+v", s)
	}
	runs.Range(func(id, n any) bool {
		if n := n.(*atomic.Int64).Load(); n != 1 {
			t.Errorf("job %s ran %d times", id, n)
		}
		return true
	})
	if counts := info(t, client, "q").Counts; counts["ack"] != running+waiting {
		t.Errorf("counts %v", counts)
	}
	empty(t, client, "q")
	said := 0
	for _, msg := range []string{"lease", "wait for jobs", "heartbeat"} {
		said += log.count(msg)
	}
	if took := time.Since(gone); said > int(took/(5*time.Second))+1 {
		t.Errorf("%d lines in %v, want at most one every 5 s", said, took)
	}
}

// A Redis that stalls with its connections open costs live workers neither their leases nor their jobs.
func TestRedisStalls(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	client := open(t, server.URL())
	schedule(t, client)
	cfg := only("q")
	cfg.Lease = 2 * time.Second
	release := make(chan struct{})
	var runs atomic.Int64
	w := run(t, client, cfg, handlers{"k": func(ctx context.Context, _ *queue.Delivery) error {
		runs.Add(1)
		select {
		case <-release:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}})
	enqueue(t, client, slices.Repeat([]queue.Job{{Queue: "q", Kind: "k"}}, 5)...)
	redistest.Eventually(t, patience, func() bool { return runs.Load() == 5 }, "5 jobs did not start")
	server.Pause()
	<-time.After(time.Second)
	server.Continue()
	<-time.After(1500 * time.Millisecond)
	close(release)
	stats(t, w, worker.Stats{Started: 5, Done: 5})
	empty(t, client, "q")
}

// With Redis away for good, handlers learn that they are on their own, and Run still ends.
func TestRedisStaysAway(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	client := open(t, server.URL())
	cfg := only("q")
	cfg.Lease = time.Second
	cfg.Grace = -1
	causes := make(chan error, 1)
	w := build(t, client, cfg, handlers{"k": func(ctx context.Context, _ *queue.Delivery) error {
		<-ctx.Done()
		causes <- context.Cause(ctx)
		return context.Cause(ctx)
	}})
	stop := begin(t, w)
	enqueue(t, client, queue.Job{Queue: "q", Kind: "k"})
	redistest.Eventually(t, patience, func() bool { return w.Stats().Started == 1 }, "the job did not start")
	server.Kill()
	if cause := next(t, causes); !errors.Is(cause, queue.ErrLeaseLost) {
		t.Errorf("the context ended with %v, want ErrLeaseLost", cause)
	}
	began := time.Now()
	if err := stop(); err != nil {
		t.Errorf("Run returned %v", err)
	}
	if took := time.Since(began); took > 8*time.Second {
		t.Errorf("Run returned after %v", took)
	}
}

// While Redis is away, and while there is nothing to do, a process rests. This test is alone: it reads
// the processor time of the whole process.
func TestIdleCost(t *testing.T) { //nolint:paralleltest // see above
	server := redistest.Start(t)
	client := open(t, server.URL())
	queues := map[string]int{}
	for i := range 10 {
		queues[fmt.Sprint("q", i)] = 1
		enqueue(t, client, queue.Job{Queue: fmt.Sprint("q", i), Kind: "k", Delay: 24 * time.Hour})
	}
	run(t, client, worker.Config{Queues: queues, Logger: quiet}, nil)
	schedule(t, client)
	rdb := server.Client()
	commands := func() int {
		var n int
		_, stats, _ := strings.Cut(rdb.Info(t.Context(), "stats").Val(), "total_commands_processed:")
		_, _ = fmt.Sscan(stats, &n)
		return n
	}
	<-time.After(time.Second) // the start is over
	const window = 2 * time.Second
	before := commands()
	<-time.After(window)
	perSecond := float64(commands()-before-1) / window.Seconds()
	server.Kill()
	<-time.After(500 * time.Millisecond)
	spent := cpu(t)
	<-time.After(window)
	load := float64(cpu(t)-spent) / float64(window)
	t.Logf("%.1f commands a second when idle; %.1f %% of a processor with Redis away", perSecond, 100*load)
	if perSecond > 5 {
		t.Errorf("%.1f commands a second when idle, want at most 5", perSecond)
	}
	if load > 0.2 {
		t.Errorf("%.0f %% of a processor with Redis away", 100*load)
	}
}

// cpu is the processor time that this process has spent.
func cpu(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
