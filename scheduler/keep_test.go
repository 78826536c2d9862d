package scheduler

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dueq-io/dueq/queue"
)

// The reaper looks when the next lease can run out, not only from time to time.
func TestReaperLooksWhenALeaseRunsOut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake("a")
		f.lease("a", 7*time.Second)
		s, stop := begin(t, f, Config{})
		pass(7*time.Second - time.Nanosecond)
		if s.Stats().Reaped != 0 {
			t.Error("reaped before its time")
		}
		pass(reapSoonest)
		if s.Stats().Reaped != 1 {
			t.Errorf("not reaped %v after its time", reapSoonest)
		}
		stop()
	})
}

// Each lease is seen before it can run out, the shortest too: the first look after a silence grants the
// grace time.
func TestReaperSeesTheShortestLease(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake("a")
		_, stop := begin(t, f, Config{})
		for i := range 200 {
			pass(time.Duration(i) * 37 * time.Millisecond)
			f.lease("a", queue.MinLease)
			before := len(f.made("reap", "a"))
			pass(queue.MinLease - time.Millisecond)
			if len(f.made("reap", "a")) == before {
				t.Fatalf("round %d: a lease of %v was not looked at before its end", i, queue.MinLease)
			}
			pass(reapEvery)
		}
		stop()
	})
}

func TestReaperAsksOnceWhileNothingIsLeased(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake("a", "b", "c", "d", "e", "f", "g", "h", "i", "j")
		_, stop := begin(t, f, Config{})
		pass(time.Minute)
		before := len(f.made("", ""))
		pass(time.Minute)
		perSecond := float64(len(f.made("", ""))-before) / 60
		if perSecond > 2.5 || len(f.made("reap", "")) != 0 {
			t.Errorf("%.1f calls a second for ten idle queues, %d of them to reap", perSecond, len(f.made("reap", "")))
		}
		stop()
	})
}

// A queue with a key of the wrong type must not keep the others from being reaped and purged.
func TestBrokenQueueDoesNotHoldUpOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake("broken", "good", "other")
		f.fails(func(c call) error {
			if c.queue == "broken" {
				return queue.ErrWrongType
			}
			return nil
		})
		f.purged = func(call) queue.Purged { return queue.Purged{Dead: 1, LockCursor: "0", MarkCursor: "0"} }
		for _, name := range []string{"good", "other"} {
			f.lease(name, time.Second)
			f.add(name, time.Second)
		}
		var l log
		s, stop := begin(t, f, Config{PurgeEvery: 10 * time.Second, Logger: l.logger()})
		pass(15 * time.Second)
		if got := s.Stats(); got.Reaped != 2 || got.Promoted != 2 || got.Purged < 2 {
			t.Errorf("%+v: want 2 reaped, 2 promoted, 2 or more purged", got)
		}
		if n := l.count("reap"); n < 1 || n > 16 {
			t.Errorf("%d lines about it in 15 s", n)
		}
		stop()
	})
}

// The janitor removes a bounded number in each call, with a rest between, and goes on until nothing is
// left to remove.
func TestJanitorWorksInBoundedParts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake("a")
		left := 5*purgeLimit + 1
		f.purged = func(c call) queue.Purged {
			n := min(left, c.limit)
			left -= n
			return queue.Purged{Dead: n, LockCursor: "0", MarkCursor: "0"}
		}
		cfg := Config{DeadAge: time.Hour, DeadKeep: 7, DoneKeep: -1, PurgeEvery: time.Minute}
		s, stop := begin(t, f, cfg)
		pass(time.Minute)
		stop()
		calls := f.made("purge", "a")
		if got := s.Stats().Purged; got != 5*purgeLimit+1 {
			t.Errorf("%d purged", got)
		}
		for i, c := range calls {
			if c.purge.Limit != purgeLimit || c.purge.DeadAge != cfg.DeadAge || c.purge.DeadKeep != 7 || c.purge.DoneKeep != -1 {
				t.Errorf("%+v", c.purge)
			}
			if i > 0 && c.at.Sub(calls[i-1].at) < purgePause {
				t.Errorf("call %d came %v after the one before", i, c.at.Sub(calls[i-1].at))
			}
		}
	})
}

func TestJanitorComesSoonerWhenItRemovedSomething(t *testing.T) {
	t.Parallel()
	for name, something := range map[string]bool{"something": true, "nothing": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := newFake("a")
				f.purged = func(call) queue.Purged {
					p := queue.Purged{LockCursor: "0", MarkCursor: "0"}
					if something {
						p.Marks = 1
					}
					return p
				}
				_, stop := begin(t, f, Config{PurgeEvery: 10 * time.Minute})
				pass(time.Hour)
				stop()
				if n := len(f.made("purge", "a")); something != (n > 30) || !something && (n < 6 || n > 9) {
					t.Errorf("%d looks in an hour", n)
				}
			})
		})
	}
}

// Locks and marks are gone round in as many calls as the larger of them needs.
func TestJanitorGoesOnceRound(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake("a")
		var locks, marks atomic.Int64
		step := func(n *atomic.Int64, round int64, cursor string) string {
			if cursor == "" || cursor == "0" {
				n.Store(0)
			}
			if n.Add(1) == round {
				return "0"
			}
			return "7"
		}
		f.purged = func(c call) queue.Purged {
			return queue.Purged{LockCursor: step(&locks, 7, c.purge.LockCursor), MarkCursor: step(&marks, 50, c.purge.MarkCursor)}
		}
		_, stop := begin(t, f, Config{PurgeEvery: time.Hour})
		pass(10 * time.Minute)
		stop()
		if n := len(f.made("purge", "a")); n != 50 {
			t.Errorf("%d calls for 7 parts of locks and 50 of marks, want 50", n)
		}
	})
}
