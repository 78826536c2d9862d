package queue_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/dueq-io/dueq/queue"
)

// keepAll is a Purge that goes by each job's own Retain only.
var keepAll = queue.PurgeConfig{DeadAge: -1, DeadKeep: -1, DoneKeep: -1}

func (h *harness) purge(cfg queue.PurgeConfig) queue.Purged {
	h.t.Helper()
	p, err := h.b.Purge(h.ctx, sms, cfg)
	h.ok(err)
	return p
}

// bury makes n dead jobs, a second apart.
func (h *harness) bury(n int) {
	h.t.Helper()
	for i := range n {
		h.advance(time.Second)
		h.place(queue.Dead, queue.Job{ID: fmt.Sprintf("dead-%02d", i), Retain: time.Hour})
	}
}

// Dead jobs go by age, to the ms, the oldest first, with all that was noted about them.
func TestPurgeDeadByAge(t *testing.T) {
	onEach(t, func(t *testing.T, h *harness) {
		h.bury(3)
		cfg := keepAll
		cfg.DeadAge = time.Minute
		h.advance(time.Minute - 2*time.Second - time.Millisecond)
		h.unchanged(func() { h.purge(cfg) })
		h.advance(time.Millisecond)
		h.counted(map[string]int64{"purge_dead": 1}, func() {
			if p := h.purge(cfg); p.Dead != 1 {
				t.Fatalf("purged %+v", p)
			}
		})
		h.traceless("dead-00")
		h.wantDepth(map[queue.State]int64{queue.Dead: 2})
		h.advance(time.Hour)
		if p := h.purge(cfg); p.Dead != 2 || h.rdb.Exists(h.ctx, h.key("faults"), h.key("jobs")).Val() != 0 {
			t.Fatalf("purged %+v", p)
		}
	})
}

// By count the newest stay; both limits hold together.
func TestPurgeDeadByCount(t *testing.T) {
	onEach(t, func(t *testing.T, h *harness) {
		h.bury(10)
		cfg := keepAll
		cfg.DeadKeep = 7
		if p := h.purge(cfg); p.Dead != 3 {
			t.Fatalf("purged %+v", p)
		}
		h.traceless("dead-02")
		h.wantState("dead-03", queue.Dead)
		cfg.DeadKeep, cfg.DeadAge = 6, 4*time.Second+500*time.Millisecond
		if p := h.purge(cfg); p.Dead != 2 { // dead-03 and dead-04 are older, one of them is over the count
			t.Fatalf("purged %+v", p)
		}
		cfg.DeadKeep = 0
		if p := h.purge(cfg); p.Dead != 5 {
			t.Fatalf("purged %+v", p)
		}
	})
}

// Done jobs go when their own time is over, or those with the least to go where there are too many.
func TestPurgeDone(t *testing.T) {
	onEach(t, func(t *testing.T, h *harness) {
		for i := range 5 {
			h.enqueue(queue.Job{ID: fmt.Sprint("done-", i), Retain: time.Duration(i+1) * time.Minute})
			h.ok(h.b.Ack(h.ctx, h.leaseOne()))
		}
		h.advance(time.Minute - time.Millisecond)
		h.unchanged(func() { h.purge(keepAll) })
		h.advance(time.Millisecond)
		h.counted(map[string]int64{"purge_done": 1}, func() {
			if p := h.purge(keepAll); p.Done != 1 {
				t.Fatalf("purged %+v", p)
			}
		})
		cfg := keepAll
		cfg.DoneKeep = 3
		if p := h.purge(cfg); p.Done != 1 {
			t.Fatalf("purged %+v", p)
		}
		h.traceless("done-1")
		h.wantState("done-2", queue.Done)
	})
}

// What lives is never purged, whatever its age.
func TestPurgeLeavesWhatLives(t *testing.T) {
	onEach(t, func(t *testing.T, h *harness) {
		h.place(queue.Retrying, queue.Job{Unique: queue.Unique{Key: "a"}})
		h.place(queue.Leased, queue.Job{Unique: queue.Unique{Key: "b"}})
		h.place(queue.Delayed, queue.Job{Unique: queue.Unique{Key: "c", Scope: queue.ForWindow, Window: 8000 * time.Hour}})
		h.place(queue.Ready, queue.Job{Unique: queue.Unique{Key: "d"}})
		h.advance(300 * 24 * time.Hour)
		h.unchanged(func() {
			if p := h.purge(queue.PurgeConfig{}); p.Dead+p.Done+p.Locks+p.Marks != 0 {
				t.Fatalf("purged %+v", p)
			}
		})
	})
}

// One call does a bounded amount of work, of each kind; the calls together do all of it.
func TestPurgeInParts(t *testing.T) {
	onEach(t, func(t *testing.T, h *harness) {
		const each = 25
		for i := range each {
			lock := queue.Unique{Key: fmt.Sprint("k", i), Scope: queue.ForWindow, Window: time.Minute}
			h.enqueue(queue.Job{ID: fmt.Sprint("done-", i), Retain: time.Minute, Unique: lock})
			h.enqueue(queue.Job{ID: fmt.Sprint("dead-", i), Retain: time.Minute})
			ds := h.lease(2)
			ds[0].Mark(fmt.Sprint("m", i), time.Minute)
			h.ok(errors.Join(h.b.Ack(h.ctx, ds[0]), h.b.Bury(h.ctx, ds[1], queue.ReasonRejected, nil)))
		}
		h.advance(time.Minute)
		cfg := queue.PurgeConfig{Limit: 10, DeadKeep: -1, DoneKeep: -1}
		var sum queue.Purged
		for calls := 0; sum.Dead+sum.Done+sum.Locks+sum.Marks < 4*each; calls++ {
			p := h.purge(cfg)
			if p.Dead > 10 || p.Done > 10 || p.Locks > 10 || p.Marks > 10 || calls > 50 {
				t.Fatalf("call %d purged %+v", calls, p)
			}
			sum.Dead, sum.Done, sum.Locks, sum.Marks = sum.Dead+p.Dead, sum.Done+p.Done, sum.Locks+p.Locks, sum.Marks+p.Marks
			cfg.LockCursor, cfg.MarkCursor = p.LockCursor, p.MarkCursor
		}
		if n := h.rdb.Exists(h.ctx, h.key("jobs"), h.key("dead"), h.key("done"), h.key("unique"), h.key("marks")).Val(); n != 0 {
			t.Fatalf("%d keys are left after %+v", n, sum)
		}
	})
}
