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

// What a handler did is not thrown away because Redis was away for a moment.
func TestSettleIsRepeatedWhileRedisIsAway(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		verb   string
		result error
		stat   func(Stats) int64
	}{
		"ack":    {"ack", nil, func(s Stats) int64 { return s.Done }},
		"retry":  {"retry", errors.New("no"), func(s Stats) int64 { return s.Retried }},
		"snooze": {"snooze", Snooze(time.Minute), func(s Stats) int64 { return s.Snoozed }},
		"bury":   {"bury", Dead(nil), func(s Stats) int64 { return s.Dead }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := newFake("a")
				var away atomic.Bool
				away.Store(true)
				f.fail = func(call call) error {
					if call.verb == c.verb && away.Load() {
						return queue.ErrUnavailable
					}
					return nil
				}
				var log lines
				var dead atomic.Int64
				cfg := Config{Queues: map[string]int{"a": 1}, Logger: log.logger()}
				cfg.OnDead = func(context.Context, *queue.Delivery, queue.Reason, error) { dead.Add(1) }
				w, stop := begin(t, f, cfg, func(context.Context, *queue.Delivery) error { return c.result })
				pass(10 * time.Second)
				if s := w.Stats(); c.stat(s) != 0 || s.Running != 1 || log.count("retry")+log.count("dead") != 0 {
					t.Errorf("counted or logged before Redis accepted it: %+v\n%s", s, log.String())
				}
				away.Store(false)
				back := time.Now()
				pass(2 * time.Second)
				calls := f.made(c.verb)
				if last := calls[len(calls)-1]; last.at.Before(back) {
					t.Errorf("not settled within 2 s of Redis's return")
				}
				if s := w.Stats(); c.stat(s) != 1 || s.Running != 0 || s.LeasesLost+s.Unsettled != 0 {
					t.Errorf("after %d calls: %+v, want it counted once", len(calls), s)
				}
				if want := map[string]int64{"bury": 1}[c.verb]; dead.Load() != want {
					t.Errorf("OnDead was called %d times, want %d", dead.Load(), want)
				}
				if err := stop(); err != nil {
					t.Fatal(err)
				}
			})
		})
	}
}

func TestSettleEnds(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		// answers are those of the calls; the last repeats.
		answers []error
		calls   int
		want    Stats
	}{
		"accepted":                       {[]error{nil}, 1, Stats{Started: 1, Done: 1}},
		"lease lost":                     {[]error{queue.ErrLeaseLost}, 1, Stats{Started: 1, LeasesLost: 1}},
		"cancelled":                      {[]error{queue.ErrCancelled}, 1, Stats{Started: 1}},
		"refused for good":               {[]error{queue.ErrWrongType}, 1, Stats{Started: 1, Unsettled: 1}},
		"our own first call was heard":   {[]error{queue.ErrUnknown, queue.ErrLeaseLost}, 2, Stats{Started: 1}},
		"unknown, then the job is there": {[]error{queue.ErrUnknown, nil}, 2, Stats{Started: 1, Done: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := newFake("a")
				var n atomic.Int64
				f.fail = func(call call) error {
					if call.verb != "ack" {
						return nil
					}
					return c.answers[min(int(n.Add(1)), len(c.answers))-1]
				}
				w, stop := begin(t, f, Config{Queues: map[string]int{"a": 1}}, func(context.Context, *queue.Delivery) error { return nil })
				pass(20 * time.Second)
				if got := f.count("ack"); got != c.calls {
					t.Errorf("%d calls, want %d", got, c.calls)
				}
				if got := w.Stats(); got != c.want {
					t.Errorf("%+v, want %+v", got, c.want)
				}
				if err := stop(); err != nil {
					t.Fatal(err)
				}
			})
		})
	}
}

// A lease whose time is over may still be in force when Redis is back, by the reaper's grace: so what a
// handler did is told then, however long that takes, and only the end of the worker ends it.
func TestSettleIsRepeatedBeyondTheLease(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		returns bool
		want    Stats
	}{
		"Redis comes back": {true, Stats{Started: 1, Done: 1}},
		"the worker stops": {false, Stats{Started: 1, Unsettled: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := newFake("a")
				var away atomic.Bool
				away.Store(true)
				f.fail = func(c call) error {
					if away.Load() && c.verb != "lease" {
						return queue.ErrUnavailable
					}
					return nil
				}
				cfg := Config{Queues: map[string]int{"a": 1}, Lease: 9 * time.Second}
				w, stop := begin(t, f, cfg, func(context.Context, *queue.Delivery) error { return nil })
				pass(time.Minute)
				if s := w.Stats(); s.Running != 1 || s.Unsettled != 0 {
					t.Errorf("after a minute without Redis: %+v", s)
				}
				away.Store(!c.returns)
				pass(2 * time.Second)
				if err := stop(); c.returns && err != nil || !c.returns && !errors.Is(err, ErrUnfinished) {
					t.Error(err)
				}
				pass(time.Second)
				if got := w.Stats(); got != c.want {
					t.Errorf("%+v, want %+v", got, c.want)
				}
			})
		})
	}
}

// Handlers do not wait for their jobs to be settled, but not without a bound.
func TestSlowSettlingDoesNotPileUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.add("a", 100)
		f.fail = func(c call) error {
			if c.verb == "ack" {
				return queue.ErrUnavailable
			}
			return nil
		}
		w, stop := begin(t, f, Config{Queues: map[string]int{"a": 1}, Concurrency: 5, Grace: -1}, func(context.Context, *queue.Delivery) error { return nil })
		pass(10 * time.Second)
		if s := w.Stats(); s.Running > 5*(1+settleFactor) {
			t.Errorf("%d jobs are leased with a concurrency of 5", s.Running)
		}
		if err := stop(); !errors.Is(err, ErrUnfinished) {
			t.Errorf("got %v, want ErrUnfinished", err)
		}
		pass(time.Minute) // until what is left has given up
	})
}

// While Redis is away, each loop asks about once a second, and a line every few seconds says so for all;
// when it is back, work goes on soon.
func TestLoopsBackOffWhileRedisIsAway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const lasts = 5 * time.Minute
		f := newFake()
		f.add("a", 3)
		var away atomic.Bool
		away.Store(true)
		f.fail = func(call) error {
			if away.Load() {
				return queue.ErrUnavailable
			}
			return nil
		}
		var log lines
		var done atomic.Int64
		_, stop := begin(t, f, Config{Queues: map[string]int{"a": 1, "b": 1}, Logger: log.logger()}, func(context.Context, *queue.Delivery) error {
			done.Add(1)
			return nil
		})
		pass(lasts)
		seconds := int(lasts / time.Second)
		for _, verb := range []string{"lease", "wait"} {
			if n := f.count(verb); n < seconds/2 || n > 3*seconds {
				t.Errorf("%d calls of %s in %d s, want one to two a second", n, verb, seconds)
			}
		}
		most := int(lasts/outage.Every) + 1
		if n := log.count("lease") + log.count("wait for jobs"); n < most/2 || n > most {
			t.Errorf("%d lines in %d s, want at most one every %v", n, seconds, outage.Every)
		}
		away.Store(false)
		pass(time.Second)
		if done.Load() != 3 {
			t.Errorf("%d of 3 jobs had run 1 s after Redis was back", done.Load())
		}
		if err := stop(); err != nil {
			t.Fatal(err)
		}
	})
}
