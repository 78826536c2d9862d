package dashboard

import (
	"context"
	"strconv"
	"strings"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/dueq-io/dueq/internal/redistest"
	"github.com/dueq-io/dueq/queue"
	"github.com/dueq-io/dueq/scheduler"
	"github.com/dueq-io/dueq/worker"
)

// An incident has to be named within so long, on a machine that does other things as well.
const (
	soon   = 5 * time.Second
	awhile = 30 * time.Second
)

// named waits for a finding by a rule about a queue, and returns what it says.
func named(t *testing.T, d *Dashboard, rule, name string) finding {
	t.Helper()
	var found finding
	redistest.Eventually(t, awhile, func() bool {
		d.collector.watch()
		v := judge(d.collector.latest.Load(), time.Now(), &d.cfg)
		for _, f := range v.Findings {
			if f.Rule == rule && f.Queue == name {
				found = f
				return true
			}
		}
		return false
	}, "no finding by rule %s about queue %q", rule, name)
	return found
}

// enqueue hands jobs in.
func enqueue(t *testing.T, c *queue.Client, n int, job queue.Job) {
	t.Helper()
	for range n {
		if _, err := c.Enqueue(t.Context(), job); err != nil {
			t.Fatal(err)
		}
	}
}

// background runs something until the end of the test, or until it is stopped.
func background(t *testing.T, run func(ctx context.Context) error) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- run(ctx) }()
	stop = func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		ended <- nil
	}
	t.Cleanup(stop)
	return stop
}

// watchedQueue is a dashboard that somebody watches, of a namespace with a scheduler.
func watchedQueue(t *testing.T) (*Dashboard, *queue.Client, func()) {
	t.Helper()
	client := open(t, redistest.URL(t))
	s, err := scheduler.New(client, scheduler.Config{Logger: silent})
	if err != nil {
		t.Fatal(err)
	}
	stop := background(t, s.Run)
	d := newDashboard(t, client, Config{Interval: minInterval})
	run(t, d)
	return d, client, stop
}

// workerConfig is for a worker of queues.
func workerConfig(queues ...string) worker.Config {
	cfg := worker.Config{Queues: map[string]int{}}
	for _, name := range queues {
		cfg.Queues[name] = 1
	}
	return cfg
}

// nothing is a handler that is done at once.
func nothing(context.Context, *queue.Delivery) error { return nil }

// working runs a worker, of the queue sms where it is of no other, until the test ends.
func working(t *testing.T, client *queue.Client, cfg worker.Config, handle worker.HandlerFunc) {
	t.Helper()
	if cfg.Logger, cfg.Grace = silent, -1; len(cfg.Queues) == 0 {
		cfg.Queues = map[string]int{"sms": 1}
	}
	w, err := worker.New(client, cfg)
	if err != nil {
		t.Fatal(err)
	}
	w.Handle(worker.AnyKind, handle)
	background(t, w.Run)
}

func TestIncidentNoMover(t *testing.T) {
	t.Parallel()
	d, client, stop := watchedQueue(t)
	working(t, client, worker.Config{}, nothing)
	enqueue(t, client, 3, queue.Job{Queue: "sms", Kind: "x", Delay: 50 * time.Millisecond})
	redistest.Eventually(t, awhile, func() bool {
		q, err := client.Inspector().Queue(t.Context(), "sms")
		return err == nil && q.Counts["ack"] == 3
	}, "the mover does not work before it is killed")
	stop()
	enqueue(t, client, 3, queue.Job{Queue: "sms", Kind: "x", Delay: 50 * time.Millisecond})
	begin := time.Now()
	f := named(t, d, "overdue", "sms")
	if took := time.Since(begin); took > soon || !strings.Contains(f.Text.String(), "no mover is promoting") {
		t.Errorf("after %v: %s", took, f.Text)
	}
}

func TestIncidentNoWorker(t *testing.T) {
	t.Parallel()
	d, client, _ := watchedQueue(t)
	enqueue(t, client, 2, queue.Job{Queue: "sms", Kind: "x"})
	begin := time.Now()
	f := named(t, d, "no_worker", "sms")
	if took := time.Since(begin); f.Level != down || took > 2*soon || f.Text.String() != "2 jobs ready and no worker is alive that serves it" {
		t.Errorf("after %v: %v %s", took, f.Level, f.Text)
	}
}

// died leaves in Redis what a killed program leaves there.
func died(t *testing.T, namespace string, theirs *queue.Client) {
	t.Helper()
	rdb, fleet := redistest.Client(t), namespace+":fleet"
	ids, err := rdb.ZRange(t.Context(), fleet, 0, -1).Result()
	if err != nil {
		t.Fatal(err)
	}
	last := map[string]string{}
	for _, id := range ids {
		if last[id], err = rdb.Get(t.Context(), fleet+":"+id).Result(); err != nil {
			t.Fatal(err)
		}
	}
	theirs.Close()
	for id, value := range last {
		if strings.Contains(value, `"workers"`) {
			rdb.ZAdd(t.Context(), fleet, goredis.Z{Score: float64(time.Now().UnixMilli()), Member: id})
			rdb.Set(t.Context(), fleet+":"+id, value, 10*time.Second)
		}
	}
}

// TestIncidentLostWorker: one that is cut off is counted on for as long as Redis remembers it, and no
// longer.
func TestIncidentLostWorker(t *testing.T) {
	t.Parallel()
	d, client, _ := watchedQueue(t)
	theirs, err := queue.Config{Namespace: client.Namespace(), Logger: silent}.Open(t.Context(), redistest.URL(t))
	if err != nil {
		t.Fatal(err)
	}
	working(t, theirs, worker.Config{}, nothing)
	redistest.Eventually(t, awhile, func() bool {
		d.collector.watch()
		return d.collector.latest.Load().tally().workers == 1
	}, "the worker is not seen")
	died(t, client.Namespace(), theirs)
	enqueue(t, client, 2, queue.Job{Queue: "sms", Kind: "x"})
	begin := time.Now()
	f := named(t, d, "no_worker", "sms")
	if took := time.Since(begin); took > 2*soon {
		t.Errorf("after %v: %s", took, f.Text)
	}
	redistest.Eventually(t, awhile, func() bool {
		d.collector.watch()
		f := d.collector.latest.Load()
		return len(f.fleet.Workers) == 0 && len(f.gone) == 1
	}, "the worker that is gone is not remembered")
}

func TestIncidentSlowWorker(t *testing.T) {
	t.Parallel()
	d, client, _ := watchedQueue(t)
	working(t, client, worker.Config{Concurrency: 2}, func(ctx context.Context, _ *queue.Delivery) error {
		<-ctx.Done()
		return context.Cause(ctx)
	})
	enqueue(t, client, 5, queue.Job{Queue: "sms", Kind: "x"})
	begin := time.Now()
	f := named(t, d, "slow", "sms")
	if took := time.Since(begin); took > 2*soon || !strings.HasPrefix(f.Text.String(), "workers are slow: all 2 slots of 1 worker are busy and none became free for ") {
		t.Errorf("after %v: %s", took, f.Text)
	}
}

// TestIncidentStalled: there are free slots, and yet nothing is started.
func TestIncidentStalled(t *testing.T) {
	t.Parallel()
	d, client, _ := watchedQueue(t)
	working(t, client, worker.Config{Concurrency: 4, QueueConcurrency: map[string]int{"sms": 1}}, func(ctx context.Context, _ *queue.Delivery) error {
		<-ctx.Done()
		return context.Cause(ctx)
	})
	enqueue(t, client, 3, queue.Job{Queue: "sms", Kind: "x"})
	begin := time.Now()
	f := named(t, d, "stalled", "sms")
	if took := time.Since(begin); took > 2*soon || !strings.HasPrefix(f.Text.String(), "stalled: 2 jobs ready, 3 of 4 slots free") {
		t.Errorf("after %v: %s", took, f.Text)
	}
}

func TestIncidentQuietWorker(t *testing.T) {
	t.Parallel()
	d, client, _ := watchedQueue(t)
	working(t, client, worker.Config{}, nothing)
	redistest.Eventually(t, awhile, func() bool {
		d.collector.watch()
		return d.collector.latest.Load().tally().workers == 1
	}, "the worker is not seen")
	id := d.collector.latest.Load().fleet.Workers[0].ID
	if err := client.Inspector().QuietWorker(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	redistest.Eventually(t, awhile, func() bool {
		d.collector.watch()
		return d.collector.latest.Load().tally().quiet == 1
	}, "the worker is not quiet")
	enqueue(t, client, 1, queue.Job{Queue: "sms", Kind: "x"})
	if f := named(t, d, "no_worker", "sms"); f.Text.String() != "1 job ready and none taken: of 1 worker all are quiet" {
		t.Errorf("%s", f.Text)
	}
}

func TestIncidentFullRedis(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	client := open(t, server.URL())
	enqueue(t, client, 1, queue.Job{Queue: "sms", Kind: "x", Delay: time.Hour})
	d := newDashboard(t, client, Config{Interval: minInterval})
	run(t, d)
	servers, err := client.Inspector().Servers(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	limit := servers[0].Used + servers[0].Used/100
	if err := server.Client().ConfigSet(t.Context(), "maxmemory", strconv.FormatInt(limit, 10)).Err(); err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	f := named(t, d, "memory", "")
	if took := time.Since(begin); f.Level != down || took > 2*soon {
		t.Errorf("after %v: %v %s", took, f.Level, f.Text)
	}
}
