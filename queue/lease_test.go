package queue_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/dueq-io/dueq/queue"
)

// A lease says all that a worker needs: when it was due, since when and until when it is held, and the
// token, all by Redis's clock.
func TestLease(t *testing.T) {
	onEach(t, func(t *testing.T, h *harness) {
		h.enqueue(queue.Job{Payload: []byte("a"), Delay: time.Minute})
		h.advance(time.Minute + 250*time.Millisecond)
		h.promote(1)
		var d *queue.Delivery
		h.counted(map[string]int64{"lease": 1}, func() { d = h.leaseOne() })
		at := queue.FrozenAt.Add(time.Minute)
		if !d.Due.Equal(at) || d.Lateness() != 250*time.Millisecond {
			t.Errorf("due %v, late by %v", d.Due, d.Lateness())
		}
		if at = at.Add(250 * time.Millisecond); !d.LeasedAt.Equal(at) || !d.Deadline.Equal(at.Add(leaseTime)) {
			t.Errorf("leased at %v until %v", d.LeasedAt, d.Deadline)
		}
		info := h.job(d.ID)
		if info.State != queue.Leased || !info.At.Equal(d.Deadline) || info.Token != d.Token {
			t.Errorf("job %+v", info)
		}
		h.unchanged(h.leaseNone)
	})
}

// High before normal before low, and within one the order of coming; a limit cuts across them.
func TestLeaseByPriority(t *testing.T) {
	onEach(t, func(t *testing.T, h *harness) {
		for i := range 3 {
			for name, p := range map[string]queue.Priority{"low": queue.Low, "normal": queue.Normal, "high": queue.High} {
				h.enqueue(queue.Job{ID: fmt.Sprint(name, i), Priority: p})
			}
		}
		equal(t, idsOf(h.lease(4)), []string{"high0", "high1", "high2", "normal0"})
		h.enqueue(queue.Job{ID: "high3", Priority: queue.High})
		equal(t, idsOf(h.lease(9)), []string{"high3", "normal1", "normal2", "low0", "low1", "low2"})
	})
}

// A delayed or retried job keeps its priority through every state.
func TestLeasePriorityIsKept(t *testing.T) {
	onEach(t, func(t *testing.T, h *harness) {
		h.enqueue(queue.Job{ID: "a", Priority: queue.Low})
		h.enqueue(queue.Job{ID: "b"})
		h.enqueue(queue.Job{ID: "c", Priority: queue.High, Delay: time.Second})
		h.advance(time.Second)
		h.promote(1)
		for _, back := range []func(d *queue.Delivery) error{
			func(d *queue.Delivery) error { return h.b.Retry(h.ctx, d, 0, nil) },
			func(d *queue.Delivery) error { return h.b.Snooze(h.ctx, d, 0) },
			func(d *queue.Delivery) error { return h.b.Release(h.ctx, d) },
			func(d *queue.Delivery) error {
				return errors.Join(h.b.Bury(h.ctx, d, queue.ReasonRejected, nil), h.in.Requeue(h.ctx, sms, d.ID))
			},
			func(*queue.Delivery) error { h.reapAfter(leaseTime, queue.ReapConfig{}); return nil },
		} {
			ds := h.lease(5)
			equal(t, idsOf(ds), []string{"c", "b", "a"})
			for _, d := range slices.Backward(ds) {
				h.ok(back(d))
			}
			_, err := h.b.Promote(h.ctx, sms, 500)
			h.ok(err)
		}
	})
}

// Promise 2 rests on this: a token is higher than every one before, also when an ID comes back after
// its job was done and nothing is left of it.
func TestLeaseTokensRise(t *testing.T) {
	onEach(t, func(t *testing.T, h *harness) {
		var last int64
		for range 5 {
			h.enqueue(queue.Job{ID: "same", Retain: -1})
			h.enqueue(queue.Job{})
			for _, d := range h.lease(2) {
				if d.Token <= last {
					t.Fatalf("token %d after %d", d.Token, last)
				}
				last = d.Token
				h.ok(h.b.Ack(h.ctx, d))
			}
		}
	})
}

// Workers that lease at once never get one job twice, nor one token.
func TestLeaseByManyAtOnce(t *testing.T) {
	onEach(t, func(t *testing.T, h *harness) {
		const jobs, workers = 2000, 8
		_, err := h.c.EnqueueMany(h.ctx, slices.Repeat([]queue.Job{withDefaults(queue.Job{})}, jobs))
		h.ok(err)
		got := make([][]*queue.Delivery, workers)
		var wg sync.WaitGroup
		for i := range workers {
			wg.Go(func() {
				for more := true; more; {
					var ds []*queue.Delivery
					var err error
					if ds, more, err = h.b.Lease(h.ctx, sms, 1+10*i, leaseTime); err != nil {
						t.Error(err)
						return
					}
					got[i] = append(got[i], ds...)
				}
			})
		}
		wg.Wait()
		ids, tokens := map[string]bool{}, map[int64]bool{}
		for _, d := range slices.Concat(got...) {
			ids[d.ID], tokens[d.Token] = true, true
		}
		if n := len(slices.Concat(got...)); n != jobs || len(ids) != jobs || len(tokens) != jobs {
			t.Fatalf("%d deliveries of %d jobs with %d tokens, want %d", n, len(ids), len(tokens), jobs)
		}
	})
}

// Row 22: a worker of one queue never sees another's jobs, and namespaces share nothing but the server.
func TestLeaseFromItsOwnQueue(t *testing.T) {
	onEach(t, func(t *testing.T, h *harness) {
		for _, name := range []string{"sms2", "sms.", "SMS", "sm"} {
			h.enqueue(queue.Job{Queue: name})
		}
		h.leaseNone()
		ds, _, err := h.b.Lease(h.ctx, "SMS", 5, leaseTime)
		if h.ok(err); len(ds) != 1 || ds[0].Queue != "SMS" {
			t.Fatalf("leased %v", idsOf(ds))
		}
		if h.c.Embedded() {
			return
		}
		other := open(t, urlOf(t), queue.Config{})
		other.leaseNone()
	})
}

// Row 39: a paused queue gives out nothing and takes everything else.
func TestLeasePaused(t *testing.T) {
	onEach(t, func(t *testing.T, h *harness) {
		d := h.place(queue.Leased, queue.Job{}).d
		h.enqueue(queue.Job{})
		h.ok(h.in.Pause(h.ctx, sms))
		h.refused(queue.ErrPaused, func() error { _, _, err := h.b.Lease(h.ctx, sms, 5, leaseTime); return err })
		if !h.info().Paused {
			t.Error("not shown as paused")
		}
		// What runs ends, what comes waits, what is due becomes ready.
		h.ok(h.b.Retry(h.ctx, d, 0, nil))
		h.promote(1)
		h.enqueue(queue.Job{})
		h.wantDepth(map[queue.State]int64{queue.Ready: 3})
		h.ok(h.rdb.Del(h.ctx, h.key("wake")).Err())
		h.ok(h.in.Resume(h.ctx, sms))
		if woken, err := h.b.WaitReady(h.ctx, []string{sms}, time.Second); err != nil || woken != sms {
			t.Errorf("Resume woke nobody: %q, %v", woken, err)
		}
		if ds := h.lease(5); len(ds) != 3 || h.info().Paused {
			t.Fatalf("leased %v", idsOf(ds))
		}
	})
}

// An entry of a ready list without a record, which only damage can leave, is dropped and blocks nothing.
func TestLeaseDropsOrphans(t *testing.T) {
	onEach(t, func(t *testing.T, h *harness) {
		orphan, job := h.enqueue(queue.Job{}), h.enqueue(queue.Job{})
		h.ok(h.rdb.HDel(h.ctx, h.key("jobs"), orphan).Err())
		if d := h.leaseOne(); d.ID != job {
			t.Fatalf("leased %s", d.ID)
		}
		h.traceless(orphan)
	})
}

// Expires is judged by the moment of the lease, on Redis's clock.
func TestLeaseExpired(t *testing.T) {
	onEach(t, func(t *testing.T, h *harness) {
		job := queue.Job{Expires: queue.FrozenAt.Add(time.Minute), OnExpiry: queue.DropExpired}
		for _, step := range []struct {
			at      time.Duration
			expired bool
		}{{0, false}, {time.Minute, false}, {time.Millisecond, true}} {
			h.advance(step.at)
			h.enqueue(job)
			if d := h.leaseOne(); d.Expired() != step.expired || d.OnExpiry != queue.DropExpired {
				t.Errorf("after %v more: expired %v", step.at, d.Expired())
			}
		}
		h.enqueue(queue.Job{})
		if h.leaseOne().Expired() {
			t.Error("a job without Expires has expired")
		}
	})
}

// unreadable is a go-redis hook that fails every HMGET, as a connection does that is cut.
type unreadable struct{ times int }

func (*unreadable) DialHook(next redis.DialHook) redis.DialHook { return next }

func (*unreadable) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

func (u *unreadable) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if cmd.Name() == "hmget" && u.times > 0 {
			u.times--
			return errors.New("cut")
		}
		return next(ctx, cmd)
	}
}

// A lease that cannot read its jobs gives them back at once, in their order and uncharged: nobody has
// to wait for the lease to run out.
func TestLeaseGivesBackWhatItCannotRead(t *testing.T) {
	onEach(t, func(t *testing.T, h *harness) {
		for i := range 5 {
			h.enqueue(queue.Job{ID: fmt.Sprint("job-", i)})
		}
		queue.Connection(h.c).AddHook(&unreadable{times: 1})
		if ds, _, err := h.b.Lease(h.ctx, sms, 4, leaseTime); !errors.Is(err, queue.ErrUnknown) || len(ds) != 0 {
			t.Fatalf("leased %v, %v", idsOf(ds), err)
		}
		ds := h.lease(5)
		equal(t, idsOf(ds), []string{"job-0", "job-1", "job-2", "job-3", "job-4"})
		if d := ds[0]; d.Attempt != 1 || !d.Due.Equal(queue.FrozenAt) {
			t.Fatalf("leased %+v", d)
		}
	})
}
