package queue_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dueq-io/dueq/queue"
)

func (h *harness) deleteQueue(force bool) error {
	_, err := h.in.DeleteQueue(h.ctx, sms, force)
	return err
}

func (h *harness) named(want bool) {
	h.t.Helper()
	names, err := h.b.Queues(h.ctx)
	h.ok(err)
	if slices.Contains(names, sms) != want {
		h.t.Fatalf("queues %v, which should have %s: %v", names, sms, want)
	}
}

// wantNothing says that of a queue nothing is left but the last token that was drawn.
func (h *harness) wantNothing(token int64) {
	h.t.Helper()
	h.named(false)
	for key, value := range h.dump() {
		switch {
		case !strings.Contains(key, "{"+sms+"}"):
		case token > 0 && key == h.key("meta") && value == fmt.Sprintf("hash \"token\"=\"%d\" ", token):
		default:
			h.t.Errorf("%s is left: %s", key, value)
		}
	}
}

// A queue that has nothing but done jobs goes, with all that was noted of it.
func TestDeleteEmptyQueue(t *testing.T) {
	onEach(t, func(t *testing.T, h *harness) {
		h.enqueue(queue.Job{ID: "a", Retain: time.Hour, Unique: queue.Unique{Key: "k", Scope: queue.ForWindow, Window: time.Hour}})
		h.enqueue(queue.Job{ID: "gone", Retain: -1})
		ds := h.lease(2)
		ds[0].Mark("mark", time.Hour)
		h.ok(errors.Join(h.b.Ack(h.ctx, ds[0]), h.b.Ack(h.ctx, ds[1])))
		h.reap(queue.ReapConfig{})
		h.ok(errors.Join(h.in.Pause(h.ctx, sms), h.in.CloseIntake(h.ctx, sms), h.in.SetMaxLen(h.ctx, sms, 7)))
		h.enqueueOther()
		jobs, err := h.in.DeleteQueue(h.ctx, sms, false)
		h.ok(err)
		if jobs != 1 { // the done one
			t.Errorf("%d jobs went", jobs)
		}
		h.wantNothing(ds[1].Token)
		if found, err := h.in.AuditNames(h.ctx, false); err != nil || len(found) > 0 {
			t.Errorf("an audit finds %v, %v", found, err)
		}
		h.refused(queue.ErrUnknownQueue, func() error { return h.deleteQueue(false) })
		h.enqueue(queue.Job{ID: "a", Payload: []byte("another")})
		h.named(true)
		if d := h.leaseOne(); d.ID != "a" || d.Token <= ds[1].Token {
			t.Errorf("leased %+v after token %d", d, ds[1].Token)
		}
	})
}

// enqueueOther makes a queue that is to stay.
func (h *harness) enqueueOther() {
	h.t.Helper()
	h.enqueue(queue.Job{Queue: "other", ID: "other"})
	h.t.Cleanup(func() {
		if info, err := h.in.Job(context.WithoutCancel(h.ctx), "other", "other"); err != nil || info.State != queue.Ready {
			h.t.Errorf("the other queue has %+v, %v", info, err)
		}
	})
}

// One job in any state keeps a queue, but for a done one, until it is forced.
func TestDeleteQueueWithJobs(t *testing.T) {
	for _, state := range []queue.State{queue.Delayed, queue.Ready, queue.Leased, queue.Retrying, queue.Dead} {
		t.Run(string(state), func(t *testing.T) {
			onEach(t, func(_ *testing.T, h *harness) {
				h.enqueueOther()
				h.place(queue.Done, queue.Job{ID: "done"})
				h.place(state, queue.Job{ID: "a"})
				h.refused(queue.ErrNotEmpty, func() error { return h.deleteQueue(false) })
				h.ok(h.deleteQueue(true))
				drawn := int64(2)
				if state == queue.Delayed || state == queue.Ready {
					drawn = 1
				}
				h.wantNothing(drawn)
			})
		})
	}
}

// A queue with every kind of job and note goes whole.
func TestDeleteForced(t *testing.T) {
	onEach(t, func(t *testing.T, h *harness) {
		h.everyState()
		jobs, err := h.in.DeleteQueue(h.ctx, sms, true)
		h.ok(err)
		if jobs != 7 {
			t.Errorf("%d jobs went", jobs)
		}
		h.wantNothing(4)
	})
}

// A worker that is alive keeps a queue, and one that has left does not.
func TestDeleteQueueThatIsServed(t *testing.T) {
	onEach(t, func(_ *testing.T, h *harness) {
		serving := func(names ...string) func() {
			report := queue.WorkerReport{State: queue.WorkerRunning, Queues: map[string]int{}}
			for _, name := range names {
				report.Queues[name] = 1
			}
			leave := h.b.JoinWorker("w", func() queue.WorkerReport { return report }, noWish)
			h.ok(queue.Beat(h.c))
			return func() { leave(); h.ok(queue.Beat(h.c)) }
		}
		h.enqueue(queue.Job{ID: "a"})
		h.ok(h.b.Ack(h.ctx, h.leaseOne()))
		h.t.Cleanup(serving("another"))
		leave := serving(sms)
		h.refused(queue.ErrServed, func() error { return h.deleteQueue(false) })
		leave()
		h.ok(h.deleteQueue(false))
		h.wantNothing(1)
		h.t.Cleanup(serving(sms))
		h.enqueue(queue.Job{})
		h.refused(queue.ErrServed, func() error { return h.deleteQueue(false) })
		h.ok(h.deleteQueue(true))
		h.named(false)
	})
}

// Whoever holds a job of a queue that was deleted has lost it, also against a job of the same ID that came after.
func TestDeletedQueuesLeases(t *testing.T) {
	onEach(t, func(t *testing.T, h *harness) {
		old := h.place(queue.Leased, queue.Job{ID: "a"}).d
		h.ok(h.deleteQueue(true))
		settle := map[string]func() error{
			"ack":     func() error { return h.b.Ack(h.ctx, old) },
			"retry":   func() error { return h.b.Retry(h.ctx, old, time.Second, errOops) },
			"snooze":  func() error { return h.b.Snooze(h.ctx, old, time.Second) },
			"release": func() error { return h.b.Release(h.ctx, old) },
			"bury":    func() error { return h.b.Bury(h.ctx, old, queue.ReasonRejected, errOops) },
			"extend": func() error {
				verdicts, err := h.b.Extend(h.ctx, []*queue.Delivery{old}, leaseTime)
				return errors.Join(append(verdicts, err)...)
			},
		}
		lost := func() {
			t.Helper()
			for verb, call := range settle {
				h.unchanged(func() {
					if err := call(); !errors.Is(err, queue.ErrLeaseLost) {
						t.Errorf("%s: %v", verb, err)
					}
				})
			}
		}
		lost()
		h.unchanged(func() { // what goes on over names that were read before
			h.leaseNone()
			h.promote(0)
			h.reap(queue.ReapConfig{})
			h.purge(keepAll)
		})
		h.enqueue(queue.Job{ID: "a"})
		d := h.leaseOne()
		lost()
		h.ok(h.b.Ack(h.ctx, d))
	})
}
