package queue_test

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dueq-io/dueq/queue"
)

// reapAfter lets time pass and ends the leases that ran out meanwhile. The first pass after a stall
// only notes the time, so it takes two.
func (h *harness) reapAfter(d time.Duration, cfg queue.ReapConfig) queue.Reaping {
	h.t.Helper()
	h.advance(d)
	h.reap(cfg)
	h.advance(3 * time.Second)
	return h.reap(cfg)
}

func (h *harness) reap(cfg queue.ReapConfig) queue.Reaping {
	h.t.Helper()
	r, err := h.b.Reap(h.ctx, sms, cfg)
	h.ok(err)
	return r
}

// A lease is ended in the ms in which it runs out, not before; the job is ready again at the tail, with
// the worker that was lost counted apart from failures.
func TestReapToTheMillisecond(t *testing.T) {
	onEach(t, func(t *testing.T, h *harness) {
		h.reap(queue.ReapConfig{})
		d := h.place(queue.Leased, queue.Job{ID: "lost"}).d
		h.enqueue(queue.Job{ID: "behind"})
		for range 29 {
			h.advance(time.Second)
			h.reap(queue.ReapConfig{})
		}
		h.advance(time.Second - time.Millisecond)
		if r := h.reap(queue.ReapConfig{}); r.Readied != 0 || r.Next != time.Millisecond {
			t.Fatalf("reaped %+v", r)
		}
		h.wantState(d.ID, queue.Leased)
		h.advance(time.Millisecond)
		h.counted(map[string]int64{"reap": 1}, func() {
			if r := h.reap(queue.ReapConfig{}); r.Readied != 1 || r.Buried != 0 || r.Next >= 0 {
				t.Fatalf("reaped %+v", r)
			}
		})
		ds := h.lease(5)
		equal(t, idsOf(ds), []string{"behind", "lost"})
		if d := ds[1]; d.Failures != 0 || d.LostLeases != 1 || d.Attempt != 2 {
			t.Fatalf("leased again %+v", d)
		}
	})
}

// After a stall, when nobody looked for longer than usual, live workers get to speak before their jobs
// are given to others.
func TestReapGrace(t *testing.T) {
	onEach(t, func(t *testing.T, h *harness) {
		h.reap(queue.ReapConfig{})
		h.enqueue(queue.Job{ID: "alive"})
		h.enqueue(queue.Job{ID: "lost"})
		ds := h.lease(2)
		h.advance(time.Minute) // Redis stood still
		if r := h.reap(queue.ReapConfig{}); r.Readied != 0 || r.Next != 3*time.Second {
			t.Fatalf("the first pass after a stall: %+v", r)
		}
		if verdicts, err := h.b.Extend(h.ctx, ds[:1], leaseTime); err != nil || verdicts[0] != nil {
			t.Fatal(verdicts, err)
		}
		h.advance(3*time.Second - time.Millisecond)
		if r := h.reap(queue.ReapConfig{}); r.Readied != 0 || r.Next != time.Millisecond {
			t.Fatalf("within the grace: %+v", r)
		}
		h.advance(time.Millisecond)
		if r := h.reap(queue.ReapConfig{}); r.Readied != 1 {
			t.Fatalf("after the grace: %+v", r)
		}
		h.wantState("alive", queue.Leased)
		h.wantState("lost", queue.Ready)
	})
}

// Grace is given once: neither passes within a stall's length renew it, nor do those of a reaper that
// comes less often, to which each pass is one after a stall.
func TestReapGraceIsNotRenewed(t *testing.T) {
	onEach(t, func(t *testing.T, h *harness) {
		cfg := queue.ReapConfig{Stall: 2 * time.Second}
		for every, want := range map[time.Duration]int{time.Second: 3, 2500 * time.Millisecond: 2, 5 * time.Second: 1} {
			h.place(queue.Leased, queue.Job{})
			h.advance(leaseTime)
			passes := 0
			for ; h.reap(cfg).Readied == 0; passes++ {
				if passes > 10 {
					t.Fatalf("looking every %v, the lease is never ended", every)
				}
				h.advance(every)
			}
			if passes != want {
				t.Fatalf("looking every %v, ended after %d looks, want %d", every, passes, want)
			}
			h.ok(h.b.Ack(h.ctx, h.leaseOne()))
		}
	})
}

// What is known from a time ahead, to which the clock has not come again, ends no lease that is in force.
func TestReapKeepsLeasesWhenTheClockGoesBack(t *testing.T) {
	onEach(t, func(t *testing.T, h *harness) {
		h.reap(queue.ReapConfig{})
		h.enqueue(queue.Job{ID: "held"})
		ds := h.lease(1)
		h.advance(time.Hour)
		for range 2 {
			h.advance(time.Minute)
			h.reap(queue.ReapConfig{})
			if verdicts, err := h.b.Extend(h.ctx, ds, leaseTime); err != nil || verdicts[0] != nil {
				t.Fatal(verdicts, err)
			}
		}
		h.advance(-time.Hour)
		if verdicts, err := h.b.Extend(h.ctx, ds, leaseTime); err != nil || verdicts[0] != nil {
			t.Fatal(verdicts, err)
		}
		if r := h.reap(queue.ReapConfig{}); r.Readied != 0 {
			t.Fatalf("reaped %+v", r)
		}
		h.wantState("held", queue.Leased)
	})
}

// Redis is away again, before a lease is ended whose worker is dead. The grace is for what ran out since.
func TestReapGraceAfterASecondStall(t *testing.T) {
	onEach(t, func(t *testing.T, h *harness) {
		cfg := queue.ReapConfig{Stall: 2 * time.Second}
		h.reap(cfg)
		h.enqueue(queue.Job{ID: "alive"})
		h.enqueue(queue.Job{ID: "lost"})
		ds := h.lease(2)
		h.advance(time.Minute)
		h.reap(cfg)
		extend := func() {
			t.Helper()
			if verdicts, err := h.b.Extend(h.ctx, ds[:1], 2*time.Second); err != nil || verdicts[0] != nil {
				t.Fatal(verdicts, err)
			}
		}
		extend()
		h.advance(900 * time.Millisecond)
		h.reap(cfg)
		h.advance(4 * time.Second)
		if r := h.reap(cfg); r.Readied != 1 || r.Next != 3*time.Second {
			t.Fatalf("the first pass after the second stall: %+v", r)
		}
		h.wantState("lost", queue.Ready)
		extend()
	})
}

// Redis's clock was ahead for a while: the grace that began then does not last until that time comes, and
// leases that begin afterwards are ended when they run out.
func TestReapGraceEndsWhenTheClockGoesBack(t *testing.T) {
	onEach(t, func(t *testing.T, h *harness) {
		h.reap(queue.ReapConfig{})
		h.place(queue.Leased, queue.Job{ID: "before"})
		h.advance(time.Hour)
		if r := h.reap(queue.ReapConfig{}); r.Readied != 0 || r.Next != 3*time.Second {
			t.Fatalf("the jump ahead: %+v", r)
		}
		h.advance(-time.Hour)
		if r := h.reap(queue.ReapConfig{}); r.Next > leaseTime {
			t.Fatalf("the jump back: %+v", r)
		}
		after := h.place(queue.Leased, queue.Job{ID: "after"}).d
		for range int(leaseTime / time.Second) {
			h.advance(time.Second)
			h.reap(queue.ReapConfig{})
		}
		h.wantState(after.ID, queue.Ready)
	})
}

// A payload that kills its worker cannot kill the fleet: with the third worker lost it is dead, its
// failures uncounted and its errors kept.
func TestReapCrashLoop(t *testing.T) {
	onEach(t, func(t *testing.T, h *harness) {
		id := h.enqueue(queue.Job{})
		h.ok(h.b.Retry(h.ctx, h.leaseOne(), 0, errors.New("a failure")))
		h.promote(1)
		for lost := 1; lost <= 3; lost++ {
			d := h.leaseOne()
			if d.Attempt != 1+lost || d.Failures != 1 || d.LostLeases != lost-1 {
				t.Fatalf("start %d: %+v", lost, d)
			}
			if d.Suspect() {
				h.ok(h.b.Begin(h.ctx, d, leaseTime))
			}
			r := h.reapAfter(leaseTime, queue.ReapConfig{})
			if lost < 3 && r.Readied != 1 || lost == 3 && r.Buried != 1 {
				t.Fatalf("worker %d lost: %+v", lost, r)
			}
		}
		info := h.job(id)
		if info.State != queue.Dead || info.Reason != queue.ReasonCrashLoop || info.Failures != 1 ||
			info.LostLeases != 3 || len(info.Errors) != 1 || info.Token != 0 {
			t.Fatalf("job %+v", info)
		}
		h.leaseNone()
	})
}

// A job that was cancelled while it ran, and whose worker then died, is gone and not run again.
func TestReapEndsTheCancelled(t *testing.T) {
	onEach(t, func(t *testing.T, h *harness) {
		d := h.place(queue.Leased, queue.Job{Unique: queue.Unique{Key: "k"}}).d
		if err := h.c.Cancel(h.ctx, sms, d.ID); !errors.Is(err, queue.ErrRunning) {
			t.Fatal(err)
		}
		h.counted(map[string]int64{"cancel": 1}, func() {
			if r := h.reapAfter(leaseTime, queue.ReapConfig{}); r.Readied+r.Buried != 0 {
				t.Fatalf("reaped %+v", r)
			}
		})
		h.traceless(d.ID)
		h.leaseNone()
	})
}

// Row 16, the queue's part: ten leases end in bounded calls, by reapers that run at once, each once, and
// none is counted as a failure.
func TestReapByManyAtOnce(t *testing.T) {
	onEach(t, func(t *testing.T, h *harness) {
		for range 10 {
			h.enqueue(queue.Job{})
		}
		h.lease(10)
		cfg := queue.ReapConfig{Limit: 3}
		if r := h.reapAfter(leaseTime, cfg); r.Readied != 3 || r.Next != 0 {
			t.Fatalf("reaped %+v", r)
		}
		var readied atomic.Int64
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				r, err := h.b.Reap(h.ctx, sms, cfg)
				if err != nil {
					t.Error(err)
				}
				readied.Add(int64(r.Readied))
			})
		}
		wg.Wait()
		if readied.Load() != 7 {
			t.Fatalf("%d more readied, want 7", readied.Load())
		}
		for _, d := range h.lease(20) {
			if d.Failures != 0 || d.LostLeases != 1 {
				t.Errorf("leased %+v", d)
			}
		}
		h.wantDepth(map[queue.State]int64{queue.Leased: 10})
	})
}

// Somebody is woken for what is ready again.
func TestReapWakes(t *testing.T) {
	onEach(t, func(t *testing.T, h *harness) {
		h.place(queue.Leased, queue.Job{})
		h.ok(h.rdb.Del(h.ctx, h.key("wake")).Err())
		h.reapAfter(leaseTime, queue.ReapConfig{})
		if n := h.rdb.LLen(h.ctx, h.key("wake")).Val(); n != 1 {
			t.Fatalf("%d tokens in wake", n)
		}
	})
}

// What ends a worker while a suspect waits to run alone is something else: only a suspect that has begun is
// dead by the next lost lease, however many were lost before, within reason.
func TestSuspectsAreBlamedForWhatTheyRan(t *testing.T) {
	onEach(t, func(t *testing.T, h *harness) {
		h.reap(queue.ReapConfig{})
		h.enqueue(queue.Job{ID: "suspect"})
		lose := func(begins bool) queue.Reaping {
			t.Helper()
			d := h.leaseOne()
			if begins {
				h.ok(h.b.Begin(h.ctx, d, leaseTime))
			}
			return h.reapAfter(leaseTime, queue.ReapConfig{})
		}
		for n := range 5 {
			if r := lose(n == 1); r.Readied != 1 || r.Buried != 0 {
				t.Fatalf("lease %d was lost, waiting: %+v", n+1, r)
			}
		}
		begun := h.leaseOne()
		h.ok(h.b.Begin(h.ctx, begun, leaseTime))
		h.ok(h.b.Release(h.ctx, begun)) // so that what was noted of this lease is there at the next
		if r := lose(false); r.Buried != 0 {
			t.Fatalf("what began under another lease is blamed: %+v", r)
		}
		if r := lose(true); r.Readied != 0 || r.Buried != 1 {
			t.Fatalf("lost while it ran: %+v", r)
		}
		info, err := h.in.Job(h.ctx, sms, "suspect")
		h.ok(err)
		if info.State != queue.Dead || info.Reason != queue.ReasonCrashLoop || info.LostLeases != 7 {
			t.Fatalf("%+v", info)
		}
		// A caller that never says that it begins does not run it for ever.
		h.enqueue(queue.Job{ID: "unsaid"})
		for n := range 30 {
			if r := lose(false); (r.Buried == 1) != (n == 29) {
				t.Fatalf("lease %d was lost: %+v", n+1, r)
			}
		}
		if err := h.b.Begin(h.ctx, begun, leaseTime); !errors.Is(err, queue.ErrLeaseLost) {
			t.Fatalf("begin of a job that is dead: %v", err)
		}
	})
}

// A job that two workers were lost with may be what ends them, so it is leased alone: neither with those
// before it nor with those behind it, whatever their list.
func TestSuspectsAreLeasedAlone(t *testing.T) {
	onEach(t, func(t *testing.T, h *harness) {
		h.reap(queue.ReapConfig{})
		for _, id := range []string{"once", "suspect", "suspicious"} {
			h.enqueue(queue.Job{ID: id})
		}
		h.lease(3)
		h.reapAfter(leaseTime, queue.ReapConfig{})
		once := h.lease(1)[0]
		equal(t, idsOf(h.lease(2)), []string{"suspect", "suspicious"})
		h.ok(h.b.Ack(h.ctx, once))
		h.enqueue(queue.Job{ID: "before"})
		h.reapAfter(leaseTime, queue.ReapConfig{})
		h.enqueue(queue.Job{ID: "behind"})
		h.enqueue(queue.Job{ID: "low", Priority: queue.Low})
		h.enqueue(queue.Job{ID: "high", Priority: queue.High})
		for _, want := range [][]string{{"high", "before"}, {"suspect"}, {"suspicious"}, {"behind", "low"}} {
			ds := h.lease(10)
			equal(t, idsOf(ds), want)
			if alone := len(want) == 1; ds[0].Suspect() != alone {
				t.Fatalf("suspect is %v: %+v", !alone, ds[0])
			}
		}
	})
}
