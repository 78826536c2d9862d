package scheduler

import (
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dueq-io/dueq/internal/outage"
	"github.com/dueq-io/dueq/queue"
)

// The mover sleeps exactly until the next job is due: it neither polls nor comes late.
func TestMoverSleepsUntilTheNextIsDue(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake("a")
		for _, wait := range []time.Duration{1234567 * time.Microsecond, 1300 * time.Millisecond, 2200 * time.Millisecond} {
			f.add("a", wait)
		}
		s, stop := begin(t, f, Config{})
		began := time.Now()
		pass(2500 * time.Millisecond)
		var at []time.Duration
		for _, c := range f.made("promote", "a") {
			at = append(at, c.at.Sub(began))
		}
		stop()
		want := []time.Duration{0, 1234567 * time.Microsecond, 1300 * time.Millisecond, 2200 * time.Millisecond}
		if fmt.Sprint(at) != fmt.Sprint(want) || s.Stats().Promoted != 3 {
			t.Errorf("promoted at %v, want at %v; %+v", at, want, s.Stats())
		}
	})
}

func TestMoverGoesOnAtOnceWhileMoreAreDue(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake("a")
		for range 5*promoteLimit + 1 {
			f.add("a", time.Second)
		}
		s, stop := begin(t, f, Config{})
		pass(time.Second + time.Nanosecond)
		if got := s.Stats().Promoted; got != 5*promoteLimit+1 {
			t.Errorf("%d promoted in the moment in which all are due", got)
		}
		stop()
	})
}

// An earlier job comes with a hint, on which the mover looks again at once.
func TestHintWakesTheMover(t *testing.T) {
	t.Parallel()
	for _, apart := range []bool{false, true} {
		t.Run(fmt.Sprint("apart=", apart), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := newFake("a")
				f.apart = apart
				f.add("a", time.Hour)
				s, stop := begin(t, f, Config{})
				pass(100 * time.Millisecond)
				f.add("a", 200*time.Millisecond)
				f.hints <- "a"
				pass(200 * time.Millisecond)
				if got := s.Stats().Promoted; got != 1 {
					t.Errorf("%d promoted when the earlier job was due", got)
				}
				stop()
			})
		})
	}
}

// A hint can be lost: each queue is looked at from time to time, rarely enough for an idle process.
func TestSweepHealsALostHint(t *testing.T) {
	t.Parallel()
	for _, queues := range []int{1, 10} {
		t.Run(fmt.Sprint(queues), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := newFake()
				for i := range queues {
					f.names = append(f.names, fmt.Sprint("q", i))
				}
				s, stop := begin(t, f, Config{})
				pass(time.Minute)
				f.add("q0", 0)
				longest := time.Duration(queues) * sweepEach
				pass(longest)
				if got := s.Stats().Promoted; got != 1 {
					t.Errorf("%d promoted within %v", got, longest)
				}
				before := len(f.made("promote", ""))
				pass(time.Minute)
				if n := len(f.made("promote", "")) - before; n > 30 {
					t.Errorf("%d looks a minute at idle queues", n)
				}
				stop()
			})
		})
	}
}

func TestNewQueueIsServedAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake("a")
		s, stop := begin(t, f, Config{})
		pass(time.Second)
		f.appear("b")
		f.add("b", 0)
		f.hints <- queue.NewQueue
		synctest.Wait()
		if got := s.Stats().Promoted; got != 1 {
			t.Errorf("%d promoted from the new queue", got)
		}
		// Without its hint it is found by the list of queues.
		f.appear("c")
		f.add("c", 0)
		pass(refreshEvery)
		if got := s.Stats().Promoted; got != 2 {
			t.Errorf("%d promoted %v after another queue was made", got, refreshEvery)
		}
		stop()
	})
}

// A scheduler that is told its queues serves those only, whatever others appear.
func TestOnlyTheQueuesOfTheConfig(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake("a", "b", "c")
		s, stop := begin(t, f, Config{Queues: []string{"a", "b"}})
		for _, name := range f.names {
			f.add(name, time.Second)
			f.lease(name, time.Second)
		}
		f.hints <- queue.NewQueue
		pass(2 * refreshEvery)
		if got := s.Stats(); got.Promoted != 2 || got.Reaped != 2 || len(f.made("promote", "c"))+len(f.made("queues", "")) != 0 {
			t.Errorf("%+v, %d looks at a queue that is not to be served", got, len(f.made("promote", "c")))
		}
		stop()
	})
}

// While Redis is away each loop asks about once a second, and a line every few seconds says so for all;
// when it is back, work goes on soon.
func TestLoopsBackOffWhileRedisIsAway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const lasts = 5 * time.Minute
		f := newFake("a")
		var l log
		s, stop := begin(t, f, Config{Logger: l.logger(), PurgeEvery: time.Second})
		pass(time.Second)
		var away atomic.Bool
		away.Store(true)
		f.fails(func(call) error {
			if away.Load() {
				return queue.ErrUnavailable
			}
			return nil
		})
		f.add("a", time.Second)
		before := len(f.made("", ""))
		pass(lasts)
		seconds := int(lasts / time.Second)
		// Mover, listener, reaper, janitor, and the one that looks for queues.
		if n := len(f.made("", "")) - before; n > 5*2*seconds {
			t.Errorf("%d calls in %d s", n, seconds)
		}
		said, most := 0, int(lasts/outage.Every)+1
		for _, msg := range []string{"promote", `"wait for hints"`, "reap", "purge", `"list queues"`} {
			said += l.count(msg)
		}
		if said < most/2 || said > most {
			t.Errorf("%d lines in %d s, want at most one every %v", said, seconds, outage.Every)
		}
		away.Store(false)
		pass(time.Second)
		if got := s.Stats().Promoted; got != 1 {
			t.Errorf("%d promoted 1 s after Redis was back", got)
		}
		stop()
	})
}

func TestRunReturnsPromptlyAndOnce(t *testing.T) {
	t.Parallel()
	for _, apart := range []bool{false, true} {
		t.Run(fmt.Sprint("apart=", apart), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := newFake("a", "b", "c")
				f.apart = apart
				f.add("a", time.Hour)
				s, stop := begin(t, f, Config{})
				pass(700 * time.Millisecond)
				if err := s.Run(t.Context()); err == nil {
					t.Error("a second Run is no error")
				}
				began := time.Now()
				stop()
				if took := time.Since(began); took > listenTime {
					t.Errorf("Run returned after %v", took)
				}
			})
		})
	}
}

// A hint that comes while a scheduler stops is another's.
func TestStopPassesAHintOn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake("a")
		_, stop := begin(t, f, Config{})
		pass(0)
		f.fails(func(c call) error {
			if c.verb == "tick" && c.queue == queue.NewQueue {
				f.hints <- "a" // just before the one that ends the wait
			}
			return nil
		})
		stop()
		if n := len(f.made("tick", "a")); n != 1 {
			t.Errorf("the hint was passed on %d times, want once", n)
		}
	})
}
