package queue_test

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/dueq-io/dueq/queue"
)

// A wait ends with the name of the queue that has something, whichever of them it is, and each hint ends
// one wait.
func TestWaitForAnyQueue(t *testing.T) {
	onEach(t, func(t *testing.T, h *harness) {
		names := []string{"a", "b", "c"}
		for _, name := range names {
			h.ok(h.b.WakeReady(h.ctx, name))
			h.ok(h.b.WakeReady(h.ctx, name)) // one is enough
			h.ok(h.b.WakeTick(h.ctx, name))
		}
		for _, wait := range []func() (string, error){
			func() (string, error) { return h.b.WaitReady(h.ctx, names, time.Second) },
			func() (string, error) { return h.b.WaitTick(h.ctx, names, time.Second) },
		} {
			var got []string
			for range names {
				name, err := wait()
				h.ok(err)
				got = append(got, name)
			}
			slices.Sort(got)
			equal(t, got, names)
		}
		if name, err := h.b.WaitReady(h.ctx, names, time.Second); err != nil || name == queue.NewQueue || name != "" {
			t.Errorf("nothing is there, and the wait ended with %q, %v", name, err)
		}
	})
}

// Somebody who waits is woken by the enqueue, the promote or the earlier due time itself.
func TestWaitIsEnded(t *testing.T) {
	for what, c := range map[string]struct {
		before, after func(h *harness)
		wait          func(h *harness) (string, error)
	}{
		"enqueue": {
			func(*harness) {},
			func(h *harness) { h.enqueue(queue.Job{}) },
			func(h *harness) (string, error) { return h.b.WaitReady(h.ctx, []string{sms}, 10*time.Second) },
		},
		"promote": {
			func(h *harness) { h.enqueue(queue.Job{Delay: time.Second}); h.advance(time.Second) },
			func(h *harness) { h.promote(1) },
			func(h *harness) (string, error) { return h.b.WaitReady(h.ctx, []string{sms}, 10*time.Second) },
		},
		"earlier": {
			func(h *harness) {
				h.enqueue(queue.Job{Delay: time.Hour})
				h.ok(h.rdb.Del(h.ctx, h.key("tick")).Err())
			},
			func(h *harness) { h.enqueue(queue.Job{Delay: time.Minute}) },
			func(h *harness) (name string, err error) {
				for name, err = queue.NewQueue, nil; name == queue.NewQueue && err == nil; { // the first job's hint
					name, err = h.b.WaitTick(h.ctx, []string{sms}, 10*time.Second)
				}
				return name, err
			},
		},
	} {
		t.Run(what, func(t *testing.T) {
			onEach(t, func(t *testing.T, h *harness) {
				c.before(h)
				var wg sync.WaitGroup
				wg.Go(func() {
					if name, err := c.wait(h); err != nil || name != sms {
						t.Errorf("woken for %q, %v", name, err)
					}
				})
				c.after(h)
				wg.Wait()
			})
		})
	}
}

// Whoever looks for queues that he does not know is told of a new one, once.
func TestWaitForANewQueue(t *testing.T) {
	onEach(t, func(t *testing.T, h *harness) {
		for range 2 {
			h.enqueue(queue.Job{Queue: "new", Delay: time.Hour})
		}
		if name, err := h.b.WaitTick(h.ctx, nil, time.Second); err != nil || name != queue.NewQueue {
			t.Errorf("woken for %q, %v", name, err)
		}
		if name, err := h.b.WaitTick(h.ctx, nil, time.Second); err != nil || name != "" {
			t.Errorf("woken again for %q, %v", name, err)
		}
	})
}

// The safety net asks for many queues at once, and knows ready from leased.
func TestAny(t *testing.T) {
	onEach(t, func(t *testing.T, h *harness) {
		names := []string{"a", sms, "b"}
		want := func(ready, leased bool) {
			t.Helper()
			r, err := h.b.AnyReady(h.ctx, names)
			h.ok(err)
			l, err := h.b.AnyLeased(h.ctx, names)
			h.ok(err)
			if r != ready || l != leased {
				t.Fatalf("ready %v, leased %v", r, l)
			}
		}
		want(false, false)
		h.enqueue(queue.Job{Priority: queue.Low})
		want(true, false)
		d := h.leaseOne()
		want(false, true)
		h.ok(h.b.Ack(h.ctx, d))
		want(false, false)
		if r, err := h.b.AnyReady(h.ctx, nil); err != nil || r {
			t.Errorf("of no queue: %v, %v", r, err)
		}
	})
}
