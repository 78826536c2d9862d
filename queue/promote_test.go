package queue_test

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/dueq-io/dueq/internal/redistest"
	"github.com/dueq-io/dueq/queue"
)

// Row 1 and promise 3, with the two hours of the SMS: never early by a ms, and ready in the ms in which
// it is due.
func TestPromoteToTheMillisecond(t *testing.T) {
	onEach(t, func(t *testing.T, h *harness) {
		id := h.enqueue(queue.Job{Delay: 2 * time.Hour})
		next := func() time.Duration {
			t.Helper()
			p, err := h.b.Promote(h.ctx, sms, 100)
			h.ok(err)
			return p.Next
		}
		if got := next(); got != 2*time.Hour {
			t.Fatalf("next due in %v", got)
		}
		h.advance(2*time.Hour - time.Millisecond) // 1:59:59.999
		h.unchanged(func() { h.promote(0) })
		h.leaseNone()
		if got := next(); got != time.Millisecond {
			t.Fatalf("next due in %v", got)
		}
		h.advance(time.Millisecond) // 2:00:00.000
		h.counted(map[string]int64{"promote": 1}, func() { h.promote(1) })
		if got := next(); got >= 0 {
			t.Fatalf("nothing waits, and the next is due in %v", got)
		}
		if d := h.leaseOne(); d.ID != id || d.Lateness() != 0 {
			t.Fatalf("leased %s, late by %v", d.ID, d.Lateness())
		}
		h.promote(0)
		h.leaseNone()
	})
}

// Due jobs become ready in the order of their due times, whatever the order in which they came, and
// equal ones in the order of their IDs.
func TestPromoteOrder(t *testing.T) {
	onEach(t, func(t *testing.T, h *harness) {
		for _, s := range []int{5, 1, 4, 2, 3} {
			h.enqueue(queue.Job{ID: fmt.Sprint("due-", s), Delay: time.Duration(s) * time.Second})
		}
		h.advance(4 * time.Second)
		h.promote(4)
		equal(t, idsOf(h.lease(9)), []string{"due-1", "due-2", "due-3", "due-4"})
	})
}

// One call moves at most limit of those delayed and as many of those retrying, and says that more are
// due.
func TestPromoteLimit(t *testing.T) {
	onEach(t, func(t *testing.T, h *harness) {
		for range 5 {
			h.enqueue(queue.Job{})
		}
		for _, d := range h.lease(5) {
			h.ok(h.b.Retry(h.ctx, d, time.Second, nil))
		}
		for range 5 {
			h.enqueue(queue.Job{Delay: time.Second})
		}
		h.advance(time.Second)
		for _, want := range []queue.Promotion{{4, 0}, {4, 0}, {2, -1}} {
			p, err := h.b.Promote(h.ctx, sms, 2)
			h.ok(err)
			if p.Moved != want.Moved || (p.Next < 0) != (want.Next < 0) || p.Next > 0 {
				t.Fatalf("got %+v, want %+v", p, want)
			}
		}
		h.wantDepth(map[queue.State]int64{queue.Ready: 10})
	})
}

// The next due time is the earlier of both sets.
func TestPromoteNext(t *testing.T) {
	onEach(t, func(t *testing.T, h *harness) {
		d := h.place(queue.Leased, queue.Job{}).d
		h.enqueue(queue.Job{Delay: time.Minute})
		h.ok(h.b.Retry(h.ctx, d, time.Second, nil))
		p, err := h.b.Promote(h.ctx, sms, 1)
		if h.ok(err); p.Next != time.Second {
			t.Fatalf("next in %v", p.Next)
		}
		h.advance(time.Second)
		h.promote(1)
		if p, err = h.b.Promote(h.ctx, sms, 1); err != nil || p.Next != 59*time.Second {
			t.Fatalf("next in %v, %v", p.Next, err)
		}
	})
}

// A worker is woken for what became ready, once.
func TestPromoteWakes(t *testing.T) {
	onEach(t, func(t *testing.T, h *harness) {
		for range 3 {
			h.enqueue(queue.Job{Delay: time.Second})
		}
		h.advance(time.Second)
		h.promote(3)
		if n := h.rdb.LLen(h.ctx, h.key("wake")).Val(); n != 1 {
			t.Fatalf("%d tokens in wake", n)
		}
	})
}

// Row 6: four movers and 100,000 due jobs: each becomes ready once, and none is lost. The movers are of
// clients of their own, as in separate processes, and two of them end half-way.
func TestPromoteByManyAtOnce(t *testing.T) {
	onEach(t, func(t *testing.T, h *harness) {
		jobs := 100_000
		if raceDetector || testing.Short() {
			jobs = 20_000
		}
		if h.c.Embedded() {
			jobs = 4_000
		}
		batch := make([]queue.Job, jobs)
		for i := range batch {
			batch[i] = queue.Job{Queue: sms, Kind: "k", Delay: time.Minute}
		}
		_, err := h.c.EnqueueMany(h.ctx, batch)
		h.ok(err)
		h.advance(time.Minute)

		var wg sync.WaitGroup
		errs := make([]error, 4)
		for i := range errs {
			wg.Go(func() {
				for calls := 0; i < 2 || calls < jobs/2000; calls++ {
					p, err := h.b.Promote(h.ctx, sms, 100+100*i)
					if errs[i] = err; err != nil || p.Next < 0 {
						return
					}
				}
			})
		}
		wg.Wait()
		h.ok(errors.Join(errs...))

		h.wantDepth(map[queue.State]int64{queue.Ready: int64(jobs)})
		entries, err := h.rdb.LRange(h.ctx, h.key("ready"), 0, -1).Result()
		h.ok(err)
		slices.Sort(entries)
		if n := len(slices.Compact(entries)); n != jobs {
			t.Fatalf("%d different entries, want %d", n, jobs)
		}
		if got := h.info().Counts["promote"]; got != int64(jobs) {
			t.Fatalf("counted %d", got)
		}
	})
}

// Row 8: what it costs to promote depends on how many are due, not on how many wait behind them.
func TestPromoteWithManyBehind(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	usec := map[int]float64{}
	for _, behind := range []int{10_000, 300_000} {
		h := open(t, server.URL(), queue.Config{})
		// Straight into the set: what waits need not be there to be waited for.
		fill := `for i = ARGV[1], ARGV[1] + 9999 do redis.call('ZADD', KEYS[1], 9e12 + i, 'waits-' .. i) end return 1`
		for i := 0; i < behind; i += 10_000 {
			h.ok(h.rdb.Eval(h.ctx, fill, []string{h.key("delayed")}, i).Err())
		}
		best := 0.0
		for range 5 {
			jobs := make([]queue.Job, 1000)
			for i := range jobs {
				jobs[i] = queue.Job{Queue: sms, Kind: "k", Delay: time.Hour}
			}
			_, err := h.c.EnqueueMany(h.ctx, jobs)
			h.ok(err)
			h.advance(time.Hour)
			h.ok(h.rdb.ConfigResetStat(h.ctx).Err())
			h.promote(500)
			h.promote(500)
			if took := scriptTime(h); best == 0 || took < best {
				best = took
			}
		}
		usec[behind] = best
	}
	// Work that grew with the depth would take thirty times as long; the rest is for a busy machine.
	if usec[300_000] > 12*usec[10_000] {
		t.Fatalf("promoting 1000 jobs took Redis, in µs by how many wait behind: %v", usec)
	}
}

// scriptTime is how long Redis was busy with scripts since its statistics were reset, in µs.
func scriptTime(h *harness) float64 {
	h.t.Helper()
	text, err := h.rdb.Info(h.ctx, "commandstats").Result()
	h.ok(err)
	var calls int
	var usec float64
	if _, err := fmt.Sscanf(queue.ParseInfo(text)["cmdstat_evalsha"], "calls=%d,usec=%f", &calls, &usec); err != nil {
		h.t.Fatal(err)
	}
	return usec
}
