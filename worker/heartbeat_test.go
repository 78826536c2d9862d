package worker

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dueq-io/dueq/internal/outage"
	"github.com/dueq-io/dueq/queue"
)

// ended is a handler that notes why and when its context ended.
type ended struct {
	began, at time.Time
	cause     error
}

func (e *ended) run(ctx context.Context, _ *queue.Delivery) error {
	e.began = time.Now()
	<-ctx.Done()
	e.at, e.cause = time.Now(), context.Cause(ctx)
	return e.cause
}

func (e *ended) after() time.Duration { return e.at.Sub(e.began) }

func TestHeartbeatExtendsAllRunningJobsInOneCall(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.add("a", 7)
		release := make(chan struct{})
		_, stop := begin(t, f, Config{Queues: map[string]int{"a": 1}, Lease: 30 * time.Second},
			func(context.Context, *queue.Delivery) error { <-release; return nil })
		pass(65 * time.Second)
		beats := f.made("extend")
		close(release)
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		if len(beats) != 6 {
			t.Errorf("%d heartbeats in 65 s, want 6", len(beats))
		}
		for _, beat := range beats {
			if beat.n != 7 {
				t.Errorf("a heartbeat of %d jobs, want 7", beat.n)
			}
		}
	})
}

func TestHeartbeatEndsTheContext(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		verdict error
		settles string
	}{
		"lease lost": {queue.ErrLeaseLost, ""},
		"cancelled":  {queue.ErrCancelled, "release"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := newFake("a")
				f.verdict = func(*queue.Delivery) error { return c.verdict }
				var e ended
				w, stop := begin(t, f, Config{Queues: map[string]int{"a": 1}, Lease: 3 * time.Second}, e.run)
				pass(5 * time.Second)
				if !errors.Is(e.cause, c.verdict) || e.after() != time.Second {
					t.Errorf("the context ended with %v after %v, want %v after 1s", e.cause, e.after(), c.verdict)
				}
				if got := f.made("ack|retry|bury|snooze|release"); len(got) != len(c.settles)/len("release") {
					t.Errorf("settled by %v, want %q", got, c.settles)
				}
				if err := stop(); err != nil {
					t.Fatal(err)
				}
				if s := w.Stats(); s.Retried+s.Done+s.Dead != 0 || s.Running != 0 {
					t.Errorf("%+v", s)
				}
			})
		})
	}
}

// While Redis cannot be asked, a lease is relied on for five sixths of its length.
func TestContextEndsWhenLeaseCannotBeExtended(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake("a")
		f.fail = func(c call) error {
			if c.verb == "extend" {
				return queue.ErrUnavailable
			}
			return nil
		}
		var e ended
		var log lines
		w, stop := begin(t, f, Config{Queues: map[string]int{"a": 1}, Lease: 12 * time.Second, Logger: log.logger()}, e.run)
		pass(30 * time.Second)
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		if !errors.Is(e.cause, queue.ErrLeaseLost) || e.after() < 10*time.Second || e.after() > 12*time.Second {
			t.Errorf("the context ended with %v after %v, want ErrLeaseLost within 10 s to 12 s", e.cause, e.after())
		}
		if n := f.count("ack|retry|bury|snooze|release"); n != 0 {
			t.Errorf("%d attempts to settle a lost lease", n)
		}
		if s := w.Stats(); s.LeasesLost != 1 {
			t.Errorf("%+v", s)
		}
		if n := log.count("heartbeat"); n < 1 || n > int(30*time.Second/outage.Every) {
			t.Errorf("%d lines about the heartbeat in 30 s, want at most one every %v", n, outage.Every)
		}
	})
}

func TestHeartbeatComesBackSoonAfterAFailure(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake("a")
		var failed atomic.Bool
		f.fail = func(c call) error {
			if c.verb == "extend" && failed.CompareAndSwap(false, true) {
				return queue.ErrUnknown
			}
			return nil
		}
		var e ended
		_, stop := begin(t, f, Config{Queues: map[string]int{"a": 1}, Lease: 30 * time.Second, Grace: -1}, e.run)
		pass(40 * time.Second)
		beats := f.made("extend")
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		if len(beats) < 2 || beats[1].at.Sub(beats[0].at) > beatRetry {
			t.Errorf("heartbeats %v: want the second within %v of the failed one", beats, beatRetry)
		}
		if !errors.Is(e.cause, ErrShutdown) {
			t.Errorf("the context ended with %v, want ErrShutdown", e.cause)
		}
	})
}

func TestMaxRuntimeEndsTheContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		var e ended
		w, stop := begin(t, f, Config{Queues: map[string]int{"a": 1}, MaxRuntime: 2 * time.Second}, e.run)
		pass(1500 * time.Millisecond)
		f.add("a", 1)
		pass(10 * time.Second)
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		if !errors.Is(e.cause, ErrMaxRuntime) || e.after() < 2*time.Second || e.after() > 2100*time.Millisecond {
			t.Errorf("the context ended with %v after %v, want ErrMaxRuntime after 2s", e.cause, e.after())
		}
		if s := w.Stats(); f.count("retry") != 1 || s.Retried != 1 {
			t.Errorf("%d retries, %+v: want the run to count as a failure", f.count("retry"), s)
		}
	})
}

// A handler that blocks for ever keeps its slot, but not its job.
func TestHandlerThatBlocksForEverLosesItsJob(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.add("a", 2)
		release := make(chan struct{})
		var log lines
		cfg := Config{Queues: map[string]int{"a": 1}, Concurrency: 1, Lease: 6 * time.Second, MaxRuntime: 20 * time.Second, Logger: log.logger()}
		w, stop := begin(t, f, cfg, func(context.Context, *queue.Delivery) error { <-release; return nil })
		pass(time.Minute)
		beats := f.made("extend")
		if last := beats[len(beats)-1]; last.at.Sub(beats[0].at) > 26*time.Second {
			t.Errorf("still extended %v after the first heartbeat", last.at.Sub(beats[0].at))
		}
		if s := w.Stats(); s.Started != 1 || s.Running != 1 {
			t.Errorf("%+v: want the slot to stay taken", s)
		}
		if log.count("handler does not return, its job is given up") == 0 {
			t.Errorf("not logged:\n%s", log.String())
		}
		close(release)
		synctest.Wait()
		if err := stop(); err != nil {
			t.Fatal(err)
		}
	})
}

func TestMaxRuntimeCanBeOff(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake("a")
		var e ended
		_, stop := begin(t, f, Config{Queues: map[string]int{"a": 1}, MaxRuntime: -1, Grace: -1}, e.run)
		pass(3 * time.Hour)
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		if !errors.Is(e.cause, ErrShutdown) {
			t.Errorf("the context ended with %v, want only ErrShutdown", e.cause)
		}
	})
}
