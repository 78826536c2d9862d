package worker

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dueq-io/dueq/queue"
)

func TestStopWaitsForHandlers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.add("a", 3)
		w, stop := begin(t, f, Config{Queues: map[string]int{"a": 1}, Concurrency: 3}, func(ctx context.Context, _ *queue.Delivery) error {
			pass(10 * time.Second)
			return ctx.Err()
		})
		pass(time.Second)
		f.add("a", 5) // not to be taken any more
		began := time.Now()
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took != 9*time.Second {
			t.Errorf("Run returned %v after its context ended, want 9s", took)
		}
		if s := w.Stats(); f.count("ack") != 3 || s.Done != 3 || s.Started != 3 {
			t.Errorf("%d acks, %+v", f.count("ack"), s)
		}
	})
}

func TestGraceOverReleases(t *testing.T) {
	t.Parallel()
	for name, hurry := range map[string]bool{"after the grace time": false, "at once when told": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := newFake("a")
				var e ended
				w, stop := begin(t, f, Config{Queues: map[string]int{"a": 1}, Grace: 20 * time.Second}, e.run)
				pass(time.Second)
				began, want := time.Now(), 20*time.Second
				if hurry {
					want = 0
					w.ReleaseNow()
					w.ReleaseNow() // a third signal is no panic
				}
				if err := stop(); err != nil {
					t.Fatal(err)
				}
				if took := time.Since(began); took != want || !errors.Is(e.cause, ErrShutdown) {
					t.Errorf("the context ended with %v after %v, want ErrShutdown after %v", e.cause, took, want)
				}
				if s := w.Stats(); f.count("release") != 1 || f.count("retry|bury|snooze|ack") != 0 || s.Retried != 0 {
					t.Errorf("calls %v, %+v: want one release and nothing counted", f.made("ack|retry|bury|snooze|release"), s)
				}
			})
		})
	}
}

// A handler whose context ended with ErrShutdown may still finish.
func TestShutdownAcksWhatFinished(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake("a")
		_, stop := begin(t, f, Config{Queues: map[string]int{"a": 1}, Grace: -1}, func(ctx context.Context, _ *queue.Delivery) error {
			<-ctx.Done()
			return nil
		})
		pass(time.Second)
		if err := stop(); err != nil || f.count("ack") != 1 {
			t.Errorf("%v, %d acks", err, f.count("ack"))
		}
	})
}

func TestHandlersThatDoNotReturnAreReleased(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.add("a", 4)
		// Short, so that it would run out while Run waits for the handlers.
		const lease = time.Second
		release := make(chan struct{})
		var returned atomic.Int64
		w, stop := begin(t, f, Config{Queues: map[string]int{"a": 1}, Lease: lease, Grace: -1},
			func(_ context.Context, d *queue.Delivery) error {
				if d.Token == 1 {
					return nil
				}
				<-release
				returned.Add(1)
				return nil
			})
		pass(2 * time.Second)
		began := time.Now()
		err := stop()
		if !errors.Is(err, ErrUnfinished) || !strings.Contains(err.Error(), "3") {
			t.Errorf("got %v, want ErrUnfinished: 3", err)
		}
		if took := time.Since(began); took != returnTime {
			t.Errorf("Run returned after %v, want %v", took, returnTime)
		}
		last := f.made("extend")
		if since := time.Since(last[len(last)-1].at); since > lease {
			t.Errorf("the last heartbeat was %v before the release: the leases had run out", since)
		}
		if f.count("release") != 3 {
			t.Errorf("%d releases, want 3", f.count("release"))
		}
		close(release)
		synctest.Wait()
		if returned.Load() != 3 || f.count("ack") != 1 || w.Stats().Done != 1 {
			t.Errorf("%d returned late, %d acks: what was released must not be settled", returned.Load(), f.count("ack"))
		}
	})
}

// Jobs that come back from Redis after the context has ended are given back in their order.
func TestLeaseUnderWayAtStopIsGivenBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.add("a", 3)
		f.takes = 100 * time.Millisecond
		w, stop := begin(t, f, Config{Queues: map[string]int{"a": 1}}, func(context.Context, *queue.Delivery) error { return nil })
		pass(50 * time.Millisecond)
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		if w.Stats().Started != 0 {
			t.Errorf("%+v: want nothing started", w.Stats())
		}
		var back []string
		for _, c := range f.made("release") {
			back = append(back, c.id)
		}
		// Each goes to the head, so the last comes first.
		if got := strings.Join(back, " "); got != "a-3 a-2 a-1" {
			t.Errorf("released in the order %s", got)
		}
	})
}

// Redis is away when a worker stops: Run returns all the same, and soon.
func TestStopWithoutRedis(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.add("a", 100)
		var away atomic.Bool
		f.fail = func(call) error {
			if away.Load() {
				pass(3 * time.Second) // what the client spends on repeating the call
				return queue.ErrUnavailable
			}
			return nil
		}
		release := make(chan struct{})
		_, stop := begin(t, f, Config{Queues: map[string]int{"a": 1}, Concurrency: 100, Grace: -1},
			func(context.Context, *queue.Delivery) error { <-release; return nil })
		pass(time.Second)
		away.Store(true)
		began := time.Now()
		if err := stop(); !errors.Is(err, ErrUnfinished) {
			t.Errorf("got %v, want ErrUnfinished", err)
		}
		if took := time.Since(began); took > returnTime+callTimeout+5*time.Second {
			t.Errorf("Run returned %v after its context ended", took)
		}
		close(release)
	})
}

func TestRunOnlyOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, stop := begin(t, newFake(), Config{Queues: map[string]int{"a": 1}}, nil)
		synctest.Wait()
		if err := w.Run(t.Context()); !errors.Is(err, queue.ErrInvalid) {
			t.Errorf("got %v, want ErrInvalid", err)
		}
		if err := stop(); err != nil {
			t.Fatal(err)
		}
	})
}
