package worker

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dueq-io/dueq/queue"
)

// A job that workers were lost with runs when those before it have returned, and nothing new starts beside
// it, so that no other job is lost with it. Neither wait is longer than a lease.
func TestSuspectRunsAlone(t *testing.T) {
	t.Parallel()
	const lease = 9 * time.Second
	for name, c := range map[string]struct {
		before, suspect time.Duration // how long they run
		starts, next    time.Duration // when the suspect and the job after it start
	}{
		"short jobs":                {2 * time.Second, 3 * time.Second, 2 * time.Second, 5 * time.Second},
		"a long job before it":      {time.Minute, time.Second, lease, 10 * time.Second},
		"it is a long job itself":   {time.Second, time.Minute, time.Second, 10 * time.Second},
		"nothing runs when it does": {0, time.Second, 0, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := newFake()
				f.add("a", 1)
				f.add("a", 1)
				f.ready["a"][1].LostLeases = 2
				f.add("a", 1)
				began, starts := time.Now(), make(chan string, 3)
				_, stop := begin(t, f, Config{Queues: map[string]int{"a": 1}, Lease: lease}, func(_ context.Context, d *queue.Delivery) error {
					starts <- fmt.Sprint(d.ID, " ", time.Since(began))
					<-time.After(map[string]time.Duration{"a-1": c.before, "a-2": c.suspect}[d.ID])
					return nil
				})
				pass(2 * time.Minute)
				want := []string{"a-1 0s", fmt.Sprint("a-2 ", c.starts), fmt.Sprint("a-3 ", c.next)}
				if got := []string{<-starts, <-starts, <-starts}; !slices.Equal(got, want) {
					t.Errorf("started %q, want %q", got, want)
				}
				if said := f.made("begin"); len(said) != 1 || said[0].id != "a-2" || said[0].at.Sub(began) != c.starts {
					t.Errorf("said to begin: %+v", said)
				}
				if err := stop(); err != nil {
					t.Fatal(err)
				}
			})
		})
	}
}

// A suspect whose lease was lost, or that was cancelled, while it waited does not run. One does while Redis cannot
// be asked: its lease is in force still.
func TestSuspectThatMayNotBegin(t *testing.T) {
	t.Parallel()
	for err, runs := range map[error]bool{queue.ErrLeaseLost: false, queue.ErrCancelled: false, queue.ErrUnavailable: true} {
		synctest.Test(t, func(t *testing.T) {
			f := newFake()
			f.add("a", 1)
			f.ready["a"][0].LostLeases = 2
			f.fail = func(c call) error {
				if c.verb == "begin" {
					return err
				}
				return nil
			}
			var ran atomic.Bool
			_, stop := begin(t, f, Config{Queues: map[string]int{"a": 1}}, func(context.Context, *queue.Delivery) error {
				ran.Store(true)
				return nil
			})
			pass(time.Second)
			if ran.Load() != runs {
				t.Errorf("%v: ran is %v", err, ran.Load())
			}
			if err := stop(); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// A suspect that waits for others when the worker stops is given back and not run.
func TestSuspectIsReleasedAtShutdown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake("a")
		f.add("a", 1)
		f.ready["a"][1].LostLeases = 2
		_, stop := begin(t, f, Config{Queues: map[string]int{"a": 1}, Grace: time.Second}, func(ctx context.Context, d *queue.Delivery) error {
			if d.Suspect() {
				t.Error("the suspect ran")
			}
			<-ctx.Done()
			return ctx.Err()
		})
		pass(time.Second)
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		if n := f.count("release"); n != 2 {
			t.Errorf("%d jobs were released, want 2", n)
		}
	})
}
