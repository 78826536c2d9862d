package queue_test

import (
	"fmt"
	"testing"

	"github.com/dueq-io/dueq/queue"
)

// A job cancelled while ready leaves its entry in the list, to be dropped by the lease that meets it.
// The same ID enqueued again is another job and must not be taken for its ghost, nor run twice.
func TestGhostIsNotTheJobOfTheSameID(t *testing.T) {
	for rounds := 1; rounds <= 3; rounds++ {
		t.Run(fmt.Sprint(rounds), func(t *testing.T) {
			onEach(t, func(t *testing.T, h *harness) {
				for i := range rounds {
					h.enqueue(queue.Job{ID: "a", Payload: []byte(fmt.Sprint("old", i))})
					h.ok(h.c.Cancel(h.ctx, sms, "a"))
					h.wantState("a", gone)
					h.wantDepth(nil)
				}
				h.enqueue(queue.Job{ID: "b"})
				h.enqueue(queue.Job{ID: "a", Payload: []byte("new")})
				h.wantDepth(map[queue.State]int64{queue.Ready: 2})
				ds := h.lease(10)
				equal(t, idsOf(ds), []string{"b", "a"})
				if string(ds[1].Payload) != "new" {
					t.Fatalf("payload %q", ds[1].Payload)
				}
				for _, d := range ds {
					h.ok(h.b.Ack(h.ctx, d))
				}
				h.wantDepth(map[queue.State]int64{queue.Done: 2})
				if h.rdb.Exists(h.ctx, h.key("ghosts")).Val() != 0 {
					t.Fatal("a ghost is left")
				}
				h.leaseNone()
			})
		})
	}
}

// An ID that comes back with another priority has its new place, and its ghost stays where it was.
func TestGhostBesideItsIDElsewhere(t *testing.T) {
	for _, p := range []queue.Priority{queue.Low, queue.Normal, queue.High} {
		t.Run(p.String(), func(t *testing.T) {
			onEach(t, func(t *testing.T, h *harness) {
				h.enqueue(queue.Job{ID: "a", Payload: []byte("old")})
				h.ok(h.c.Cancel(h.ctx, sms, "a"))
				h.enqueue(queue.Job{ID: "b"})
				h.enqueue(queue.Job{ID: "a", Payload: []byte("new"), Priority: p})
				want := []string{"b", "a"}
				if p == queue.High {
					want = []string{"a", "b"}
				}
				for _, id := range want {
					if ds := h.lease(1); len(ds) != 1 || ds[0].ID != id || id == "a" && string(ds[0].Payload) != "new" {
						t.Fatalf("leased %v, want %s", idsOf(ds), id)
					}
				}
				h.leaseNone()
				h.wantDepth(map[queue.State]int64{queue.Leased: 2})
			})
		})
	}
}

// A lease does bounded work: it may meet nothing but ghosts, and then says that there is more.
func TestGhostsInALargeNumber(t *testing.T) {
	onEach(t, func(t *testing.T, h *harness) {
		const ghosts = 50
		for i := range ghosts {
			h.enqueue(queue.Job{ID: fmt.Sprint("ghost", i)})
		}
		h.enqueue(queue.Job{ID: "job"})
		for i := range ghosts {
			h.ok(h.c.Cancel(h.ctx, sms, fmt.Sprint("ghost", i)))
		}
		calls := 0
		for {
			ds, more, err := h.b.Lease(h.ctx, sms, 20, leaseTime)
			h.ok(err)
			if calls++; len(ds) == 1 && ds[0].ID == "job" {
				break
			}
			if len(ds) > 0 || !more {
				t.Fatalf("leased %v, more %v", idsOf(ds), more)
			}
		}
		if calls != 3 {
			t.Errorf("%d calls, want 3 of 20 entries", calls)
		}
		h.wantDepth(map[queue.State]int64{queue.Leased: 1})
		h.leaseNone()
	})
}
