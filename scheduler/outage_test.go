package scheduler_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/dueq-io/dueq/internal/redistest"
	"github.com/dueq-io/dueq/queue"
	"github.com/dueq-io/dueq/scheduler"
)

// Redis is away when a job becomes due, and comes back: the job is ready soon.
func TestRedisAwayAndBack(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, "--appendonly", "yes", "--appendfsync", "always")
	c := open(t, server.URL(), redistest.Prefix(t))
	run(t, c, scheduler.Config{})
	ids := enqueue(t, c, queue.Job{Queue: "q", Kind: "k", Delay: 500 * time.Millisecond}, queue.Job{Queue: "q", Kind: "k", Delay: time.Hour})
	enqueue(t, c, queue.Job{Queue: "q", Kind: "leased", Priority: queue.High})
	lease(t, c, 1, time.Second)
	server.Kill()
	<-time.After(3 * time.Second)
	server.Restart()
	back := time.Now()
	redistest.Eventually(t, patience, func() bool {
		q, err := c.Inspector().Queue(t.Context(), "q")
		return err == nil && q.Ready > 0
	}, "the due job did not become ready")
	took := time.Since(back)
	t.Logf("ready %v after Redis was back", took)
	if took > 4*time.Second { // 2 s, with as much again for a loaded machine
		t.Errorf("ready only %v after Redis was back", took)
	}
	job, err := c.Inspector().Job(t.Context(), "q", ids[0])
	if err != nil || job.State != queue.Ready {
		t.Errorf("%+v, %v", job, err)
	}
	holds(t, c, queue.Ready, 2) // and the job of the worker that was lost meanwhile
	if q := info(t, c); q.Delayed != 1 {
		t.Errorf("%d delayed", q.Delayed)
	}
}

func TestRunReturnsSoon(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, c *queue.Client) {
		enqueue(t, c, times(10, queue.Job{Queue: "q", Kind: "k", Delay: time.Hour})...)
		_, stop := run(t, c, scheduler.Config{})
		<-time.After(300 * time.Millisecond)
		began := time.Now()
		stop()
		if took := time.Since(began); took > 2500*time.Millisecond {
			t.Errorf("Run returned after %v", took)
		}
	})
}

// On a Redis Cluster each queue is waited for by itself.
func TestCluster(t *testing.T) {
	t.Parallel()
	server := redistest.StartCluster(t)
	c := open(t, server.URL(), redistest.Prefix(t))
	s, stop := run(t, c, scheduler.Config{})
	for _, name := range []string{"q", "other", "third"} {
		enqueue(t, c, queue.Job{Queue: name, Kind: "k", Delay: 100 * time.Millisecond}, queue.Job{Queue: name, Kind: "k", Delay: time.Hour})
	}
	redistest.Eventually(t, patience, func() bool { return s.Stats().Promoted == 3 }, "%+v", s.Stats())
	lease(t, c, 1, time.Second)
	holds(t, c, queue.Ready, 1)
	began := time.Now()
	stop()
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("Run returned after %v", took)
	}
}

func TestConfigSaysAllThatIsWrong(t *testing.T) {
	t.Parallel()
	c := open(t, "memory://", redistest.Prefix(t))
	_, err := scheduler.New(c, scheduler.Config{MaxLost: -1, Grace: -1, PurgeEvery: time.Millisecond})
	if !errors.Is(err, queue.ErrInvalid) {
		t.Fatalf("got %v, want ErrInvalid", err)
	}
	for _, says := range []string{"MaxLost -1", "Grace -1ns", "PurgeEvery 1ms"} {
		if !strings.Contains(err.Error(), says) {
			t.Errorf("%q is not in: %v", says, err)
		}
	}
}
