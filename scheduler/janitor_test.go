package scheduler_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/dueq-io/dueq/internal/redistest"
	"github.com/dueq-io/dueq/internal/testhook"
	"github.com/dueq-io/dueq/queue"
	"github.com/dueq-io/dueq/scheduler"
)

// bury makes n jobs dead, one after another, and returns their IDs, the oldest first.
func bury(t *testing.T, c *queue.Client, n int) []string {
	t.Helper()
	ids := enqueue(t, c, times(n, queue.Job{Queue: "q", Kind: "k"})...)
	for range n {
		d := lease(t, c, 1, time.Minute)[0]
		if err := c.Broker().Bury(t.Context(), d, queue.ReasonRejected, errors.New("no")); err != nil {
			t.Fatal(err)
		}
		testhook.ShiftTime(c, 2*time.Millisecond) // so that no two died in one millisecond
	}
	return ids
}

// finish lets n jobs be done, kept for a time each.
func finish(t *testing.T, c *queue.Client, n int, retain time.Duration) {
	t.Helper()
	enqueue(t, c, times(n, queue.Job{Queue: "q", Kind: "k", Retain: retain})...)
	for _, d := range lease(t, c, n, time.Minute) {
		if err := c.Broker().Ack(t.Context(), d); err != nil {
			t.Fatal(err)
		}
	}
}

func TestJanitorByAge(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, c *queue.Client) {
		old := bury(t, c, 3)
		finish(t, c, 2, time.Hour)
		finish(t, c, 1, 48*time.Hour)
		waiting := enqueue(t, c, queue.Job{Queue: "q", Kind: "k", Delay: 100 * time.Hour})[0]
		testhook.ShiftTime(c, 25*time.Hour)
		young := bury(t, c, 2)
		s, _ := run(t, c, scheduler.Config{DeadAge: 24 * time.Hour, PurgeEvery: time.Second})
		holds(t, c, queue.Dead, 2)
		holds(t, c, queue.Done, 1)
		for _, id := range old {
			gone(t, c, id)
		}
		for _, id := range append(young, waiting) {
			if _, err := c.Inspector().Job(t.Context(), "q", id); err != nil {
				t.Errorf("job %s: %v", id, err)
			}
		}
		if counts := info(t, c).Counts; counts["purge_dead"] != 3 || counts["purge_done"] != 2 {
			t.Errorf("counts %v", counts)
		}
		redistest.Eventually(t, patience, func() bool { return s.Stats().Purged == 5 }, "%+v", s.Stats())
	})
}

// The dead letter keeps the newest, and each that goes is counted.
func TestJanitorByCount(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, c *queue.Client) {
		ids := bury(t, c, 12)
		finish(t, c, 9, time.Hour)
		run(t, c, scheduler.Config{DeadKeep: 5, DoneKeep: 4, PurgeEvery: time.Second})
		holds(t, c, queue.Dead, 5)
		holds(t, c, queue.Done, 4)
		page, err := c.Inspector().Jobs(t.Context(), "q", queue.Query{State: queue.Dead})
		if err != nil {
			t.Fatal(err)
		}
		for _, job := range page.Jobs {
			if !slices.Contains(ids[7:], job.ID) {
				t.Errorf("job %s was kept, want the newest: %v", job.ID, ids[7:])
			}
		}
		if counts := info(t, c).Counts; counts["purge_dead"] != 7 || counts["purge_done"] != 5 {
			t.Errorf("counts %v", counts)
		}
	})
}

func TestJanitorCanBeOff(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, c *queue.Client) {
		bury(t, c, 3)
		finish(t, c, 1, time.Hour)
		testhook.ShiftTime(c, 200*24*time.Hour)
		run(t, c, scheduler.Config{DeadAge: -1, DeadKeep: -1, DoneKeep: -1, PurgeEvery: time.Second})
		holds(t, c, queue.Done, 0) // it has been here
		if q := info(t, c); q.Dead != 3 || q.Counts["purge_dead"] != 0 {
			t.Errorf("%d of 3 dead jobs are left", q.Dead)
		}
	})
}

// More than one call removes, and beside them locks and marks whose time is over.
func TestJanitorRemovesAll(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, c *queue.Client) {
		const jobs = 250
		locked := times(jobs, queue.Job{Queue: "q", Kind: "k"})
		for i := range locked {
			locked[i].Unique = queue.Unique{Key: string(rune('a'+i%26)) + string(rune('0'+i/26)), Scope: queue.ForWindow, Window: time.Hour}
		}
		enqueue(t, c, locked...)
		for _, d := range lease(t, c, jobs, time.Minute) {
			d.Mark(d.ID, time.Hour)
			d.Retain = time.Hour
			if err := c.Broker().Ack(t.Context(), d); err != nil {
				t.Fatal(err)
			}
		}
		testhook.ShiftTime(c, 2*time.Hour)
		run(t, c, scheduler.Config{PurgeEvery: time.Second})
		holds(t, c, queue.Done, 0)
		if c.Embedded() {
			return
		}
		rdb := redistest.Client(t)
		redistest.Eventually(t, patience, func() bool {
			return rdb.Exists(t.Context(), c.Namespace()+":{q}:unique", c.Namespace()+":{q}:marks", c.Namespace()+":{q}:jobs").Val() == 0
		}, "locks, marks or jobs are left")
	})
}
