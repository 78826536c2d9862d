package scheduler_test

import (
	"errors"
	"testing"
	"time"

	"github.com/dueq-io/dueq/internal/redistest"
	"github.com/dueq-io/dueq/internal/testhook"
	"github.com/dueq-io/dueq/queue"
	"github.com/dueq-io/dueq/scheduler"
)

// A lease that runs out: the job is ready again, charged with a lost lease and not with a failure, and
// its late worker is refused.
func TestLostLeaseIsReaped(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, c *queue.Client) {
		s, _ := run(t, c, scheduler.Config{})
		enqueue(t, c, queue.Job{Queue: "q", Kind: "k"})
		first := lease(t, c, 1, time.Second)[0]
		second := lease(t, c, 1, time.Minute)[0]
		if second.ID != first.ID || second.LostLeases != 1 || second.Failures != 0 || second.Token <= first.Token {
			t.Errorf("%+v after %+v", second, first)
		}
		if over := second.LeasedAt.Sub(first.Deadline); over < 0 || over > 3*time.Second {
			t.Errorf("run again %v after the lease was over", over)
		}
		if err := c.Broker().Ack(t.Context(), first); !errors.Is(err, queue.ErrLeaseLost) {
			t.Errorf("the late ack: %v", err)
		}
		if err := c.Broker().Ack(t.Context(), second); err != nil {
			t.Error(err)
		}
		redistest.Eventually(t, patience, func() bool { return s.Stats().Reaped == 1 }, "%+v", s.Stats())
	})
}

// Redis was away for longer than the leases last. When it is back, live workers may speak first: theirs
// go on, and only those of the dead are ended. So it is with the short leases that a short absence ends.
func TestGraceAfterAStall(t *testing.T) {
	t.Parallel()
	for name, trial := range map[string]struct{ lasts, away time.Duration }{
		"long":  {30 * time.Second, time.Hour},
		"short": {4 * time.Second, 6 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			both(t, func(t *testing.T, c *queue.Client) { graceAfterAStall(t, c, trial.lasts, trial.away) })
		})
	}
}

func graceAfterAStall(t *testing.T, c *queue.Client, lasts, away time.Duration) {
	const grace = 1500 * time.Millisecond
	run(t, c, scheduler.Config{Grace: grace})
	enqueue(t, c, times(2, queue.Job{Queue: "q", Kind: "k"})...)
	all := lease(t, c, 2, lasts)
	alive, dead := all[0], all[1]
	<-time.After(1200 * time.Millisecond) // a reaper has been here
	testhook.ShiftTime(c, away)
	stalled := time.Now()
	// The heartbeat comes late, but within the grace time.
	<-time.After(grace / 3)
	if verdicts, err := c.Broker().Extend(t.Context(), []*queue.Delivery{alive}, 30*time.Second); err != nil || verdicts[0] != nil {
		t.Fatalf("extend: %v, %v", verdicts, err)
	}
	again := lease(t, c, 1, time.Minute)[0]
	if took := time.Since(stalled); again.ID != dead.ID || again.LostLeases != 1 || took < grace {
		t.Errorf("job %s again after %v, %d leases lost; want %s after %v", again.ID, took, again.LostLeases, dead.ID, grace)
	}
	if err := c.Broker().Ack(t.Context(), alive); err != nil {
		t.Errorf("the live worker's ack: %v", err)
	}
}

// A job with which worker after worker is lost is dead after MaxLost of them, and says so.
func TestCrashLoopIsBuried(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, c *queue.Client) {
		s, _ := run(t, c, scheduler.Config{MaxLost: 2})
		enqueue(t, c, queue.Job{Queue: "q", Kind: "k", Unique: queue.Unique{Key: "one"}})
		lease(t, c, 1, time.Second)
		second := lease(t, c, 1, time.Second)[0]
		holds(t, c, queue.Dead, 1)
		job, err := c.Inspector().Job(t.Context(), "q", second.ID)
		if err != nil || job.Reason != queue.ReasonCrashLoop || job.LostLeases != 2 || job.Failures != 0 {
			t.Errorf("%+v, %v", job, err)
		}
		redistest.Eventually(t, patience, func() bool { st := s.Stats(); return st.Reaped == 1 && st.Buried == 1 }, "%+v", s.Stats())
		// It ended: its lock is free, and requeue begins anew.
		other := enqueue(t, c, queue.Job{Queue: "q", Kind: "k", Delay: time.Hour, Unique: queue.Unique{Key: "one"}})[0]
		if err := c.Cancel(t.Context(), "q", other); err != nil {
			t.Error(err)
		}
		if err := c.Inspector().Requeue(t.Context(), "q", second.ID); err != nil {
			t.Fatal(err)
		}
		if d := lease(t, c, 1, time.Minute)[0]; d.LostLeases != 0 || d.Attempt != 1 {
			t.Errorf("after requeue: %d leases lost, attempt %d", d.LostLeases, d.Attempt)
		}
	})
}

// A job that was cancelled while it ran, and whose worker never came back, is gone.
func TestCancelledJobOfADeadWorkerIsGone(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, c *queue.Client) {
		run(t, c, scheduler.Config{})
		id := enqueue(t, c, queue.Job{Queue: "q", Kind: "k"})[0]
		lease(t, c, 1, time.Second)
		if err := c.Cancel(t.Context(), "q", id); !errors.Is(err, queue.ErrRunning) {
			t.Fatal(err)
		}
		gone(t, c, id)
		if q := info(t, c); q.Leased+q.Ready+q.Dead != 0 || q.Counts["cancel"] != 1 {
			t.Errorf("%+v", q)
		}
	})
}

// More leases run out at once than one call ends: all end soon.
func TestManyLostLeases(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, c *queue.Client) {
		const jobs = 450
		s, _ := run(t, c, scheduler.Config{})
		enqueue(t, c, times(jobs, queue.Job{Queue: "q", Kind: "k"})...)
		lease(t, c, jobs, time.Second)
		holds(t, c, queue.Ready, jobs)
		redistest.Eventually(t, patience, func() bool { return s.Stats().Reaped == jobs }, "%+v", s.Stats())
	})
}
