package queue_test

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dueq-io/dueq/queue"
)

// Row 20: whoever comes first has the key; all others learn which job holds it.
func TestUniqueOfManyAtOnce(t *testing.T) {
	onEach(t, func(t *testing.T, h *harness) {
		const callers = 100
		var first atomic.Value
		var taken atomic.Int64
		holders := make([]string, callers)
		var wg sync.WaitGroup
		for i := range callers {
			wg.Go(func() {
				id, err := h.c.Enqueue(h.ctx, withDefaults(queue.Job{Unique: queue.Unique{Key: "user-1"}}))
				var duplicate *queue.DuplicateError
				switch {
				case err == nil:
					taken.Add(1)
					first.Store(id)
				case errors.As(err, &duplicate) && errors.Is(err, queue.ErrDuplicate) && duplicate.Key == "user-1":
					holders[i] = duplicate.Holder
				default:
					t.Errorf("caller %d: %v", i, err)
				}
			})
		}
		wg.Wait()
		if taken.Load() != 1 {
			t.Fatalf("%d jobs were taken, want 1", taken.Load())
		}
		duplicates := 0
		for _, holder := range holders {
			if holder == first.Load() {
				duplicates++
			}
		}
		if duplicates != callers-1 {
			t.Fatalf("%d callers learned the holder, want %d", duplicates, callers-1)
		}
		h.wantDepth(map[queue.State]int64{queue.Ready: 1})
		h.counted(map[string]int64{}, func() { _ = h.try(queue.Job{Unique: queue.Unique{Key: "user-1"}}) })
	})
}

// uniqueEnd is a step in a job's life and which scopes of its lock it ends.
type uniqueEnd struct {
	name  string
	step  func(h *harness) error
	frees map[queue.UniqueScope]bool
}

func uniqueEnds() []uniqueEnd {
	all := map[queue.UniqueScope]bool{queue.UntilDone: true, queue.UntilStarted: true, queue.ForWindow: true}
	started := map[queue.UniqueScope]bool{queue.UntilStarted: true}
	ended := map[queue.UniqueScope]bool{queue.UntilDone: true, queue.UntilStarted: true}
	settled := func(settle func(h *harness, d *queue.Delivery) error) func(h *harness) error {
		return func(h *harness) error { return settle(h, h.leaseOne()) }
	}
	return []uniqueEnd{
		{"waits", func(*harness) error { return nil }, nil},
		{"cancel", func(h *harness) error { return h.c.Cancel(h.ctx, sms, "holder") }, all},
		{"lease", settled(func(*harness, *queue.Delivery) error { return nil }), started},
		{"retry", settled(func(h *harness, d *queue.Delivery) error { return h.b.Retry(h.ctx, d, time.Second, nil) }), started},
		{"snooze", settled(func(h *harness, d *queue.Delivery) error { return h.b.Snooze(h.ctx, d, time.Second) }), started},
		{"release", settled(func(h *harness, d *queue.Delivery) error { return h.b.Release(h.ctx, d) }), started},
		{"ack", settled(func(h *harness, d *queue.Delivery) error { return h.b.Ack(h.ctx, d) }), ended},
		{"ack, kept", settled(func(h *harness, d *queue.Delivery) error {
			d.Retain = time.Hour
			return h.b.Ack(h.ctx, d)
		}), ended},
		{"bury", settled(func(h *harness, d *queue.Delivery) error {
			return h.b.Bury(h.ctx, d, queue.ReasonRejected, nil)
		}), ended},
		{"drop", settled(func(h *harness, d *queue.Delivery) error { return h.b.Drop(h.ctx, d) }), ended},
		{"cancel while it runs", settled(func(h *harness, d *queue.Delivery) error {
			if err := h.c.Cancel(h.ctx, sms, "holder"); !errors.Is(err, queue.ErrRunning) {
				return fmt.Errorf("cancel: %w", err)
			}
			if err := h.b.Retry(h.ctx, d, 0, nil); !errors.Is(err, queue.ErrCancelled) {
				return fmt.Errorf("retry: %w", err)
			}
			return nil
		}), all},
		{"crash loop", settled(func(h *harness, _ *queue.Delivery) error {
			h.reapAfter(leaseTime, queue.ReapConfig{MaxLost: 1})
			return nil
		}), ended},
	}
}

// A lock holds exactly as long as its scope says, whichever way the job goes.
func TestUniqueScopes(t *testing.T) {
	for _, end := range uniqueEnds() {
		for scope, name := range map[queue.UniqueScope]string{
			queue.UntilDone: "until done", queue.UntilStarted: "until started", queue.ForWindow: "for a window",
		} {
			t.Run(end.name+"/"+name, func(t *testing.T) {
				onEach(t, func(_ *testing.T, h *harness) {
					lock := queue.Unique{Key: "key of holder", Scope: scope}
					if scope == queue.ForWindow {
						lock.Window = time.Hour
					}
					h.enqueue(queue.Job{ID: "holder", Unique: lock, Retain: -1})
					h.ok(end.step(h))
					other := queue.Job{ID: "other", Unique: lock}
					if end.frees[scope] {
						h.ok(h.try(other))
						return
					}
					h.refused(queue.ErrDuplicate, func() error { return h.try(other) })
				})
			})
		}
	}
}

// A window is over by the clock alone, to the millisecond, and what it leaves behind is purged.
func TestUniqueWindow(t *testing.T) {
	onEach(t, func(t *testing.T, h *harness) {
		lock := queue.Unique{Key: "k", Scope: queue.ForWindow, Window: time.Minute}
		h.enqueue(queue.Job{Unique: lock})
		h.ok(h.b.Ack(h.ctx, h.leaseOne()))
		h.advance(time.Minute - time.Millisecond)
		h.refused(queue.ErrDuplicate, func() error { return h.try(queue.Job{Unique: lock}) })
		h.advance(time.Millisecond)
		purged, err := h.b.Purge(h.ctx, sms, queue.PurgeConfig{DeadAge: -1, DeadKeep: -1, DoneKeep: -1})
		h.ok(err)
		if purged.Locks != 1 || h.rdb.Exists(h.ctx, h.key("unique")).Val() != 0 {
			t.Fatalf("purged %+v", purged)
		}
		h.ok(h.try(queue.Job{Unique: lock}))
		h.advance(time.Minute)
		h.ok(h.try(queue.Job{Unique: lock}))
	})
}

// The same job again is not a duplicate of itself, also when it is replaced; what it replaces loses its
// old key.
func TestUniqueAndTheSameID(t *testing.T) {
	onEach(t, func(_ *testing.T, h *harness) {
		job := queue.Job{ID: "a", Unique: queue.Unique{Key: "k1"}, Delay: time.Hour}
		h.enqueue(job)
		h.refused(nil, func() error { return h.try(job) })
		job.IfExists, job.Payload = queue.Replace, []byte("new")
		h.ok(h.try(job))
		h.refused(queue.ErrDuplicate, func() error { return h.try(queue.Job{ID: "b", Unique: queue.Unique{Key: "k1"}}) })
		job.Unique.Key = "k2"
		h.ok(h.try(job))
		h.refused(queue.ErrDuplicate, func() error { return h.try(queue.Job{ID: "c", Unique: queue.Unique{Key: "k2"}}) })
		h.ok(h.try(queue.Job{ID: "b", Unique: queue.Unique{Key: "k1"}}))
	})
}

// Keys are within a queue, and a batch judges its own jobs against each other.
func TestUniqueWithinABatch(t *testing.T) {
	onEach(t, func(t *testing.T, h *harness) {
		lock := queue.Unique{Key: "k"}
		results, err := h.c.EnqueueMany(h.ctx, []queue.Job{
			{Queue: sms, Kind: "k", ID: "a", Unique: lock},
			{Queue: sms, Kind: "k", ID: "b", Unique: lock},
			{Queue: "mail", Kind: "k", ID: "c", Unique: lock},
		})
		var duplicate *queue.DuplicateError
		if !errors.As(err, &duplicate) || duplicate.Holder != "a" || duplicate.Key != "k" {
			t.Fatalf("got %v", err)
		}
		if results[0].Err != nil || results[2].Err != nil || results[1].ID != "" {
			t.Fatalf("results %+v", results)
		}
	})
}
