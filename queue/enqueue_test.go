package queue_test

import (
	"reflect"
	"testing"
	"time"

	"github.com/dueq-io/dueq/queue"
)

// What goes in comes out, byte for byte: no script reads the payload, and every field has its place in
// the envelope.
func TestEnqueueKeepsEveryField(t *testing.T) {
	onEach(t, func(t *testing.T, h *harness) {
		payload := make([]byte, 256)
		for i := range payload {
			payload[i] = byte(i)
		}
		want := queue.Job{
			Queue: sms, Kind: "sms.send", Payload: payload, ID: "order-17/sms",
			Due: queue.FrozenAt, Priority: queue.Low,
			Unique:  queue.Unique{Key: "user 17 ü", Scope: queue.ForWindow, Window: time.Minute},
			Expires: queue.FrozenAt.Add(time.Hour), OnExpiry: queue.RunExpired,
			MaxAttempts: 7, Backoff: []time.Duration{time.Minute, 0, 2 * time.Hour}, Retain: time.Hour,
			Tags: []string{"vip", "eu"}, Headers: map[string]string{"trace": "00-ab\r\n", "empty": ""},
		}
		h.counted(map[string]int64{"enqueue": 1}, func() {
			if id := h.enqueue(want); id != want.ID {
				t.Fatalf("id %q", id)
			}
		})
		d := h.leaseOne()
		if !reflect.DeepEqual(d.Job, want) {
			t.Errorf("leased\n%+v, want\n%+v", d.Job, want)
		}
		if d.Err != nil || d.Created.IsZero() || d.Attempt != 1 {
			t.Errorf("err %v, created %v, attempt %d", d.Err, d.Created, d.Attempt)
		}
	})
}

// Row 1: the score is the moment of Enqueue plus the delay, and a fraction of a ms is never rounded
// down.
func TestEnqueueDelayed(t *testing.T) {
	for delay, want := range map[time.Duration]time.Duration{
		2 * time.Hour:               2 * time.Hour,
		time.Nanosecond:             time.Millisecond,
		1500 * time.Microsecond:     2 * time.Millisecond,
		365 * 24 * time.Hour:        365 * 24 * time.Hour,
		time.Hour + time.Nanosecond: time.Hour + time.Millisecond,
	} {
		t.Run(delay.String(), func(t *testing.T) {
			onEach(t, func(t *testing.T, h *harness) {
				id := h.enqueue(queue.Job{Delay: delay})
				h.wantState(id, queue.Delayed)
				if got := h.job(id).At; !got.Equal(queue.FrozenAt.Add(want)) {
					t.Errorf("due %v after Enqueue, want %v", got.Sub(queue.FrozenAt), want)
				}
			})
		})
	}
}

// Row 4: an absolute time. One that has passed is now, by Redis's clock.
func TestEnqueueDue(t *testing.T) {
	at := func(d time.Duration) time.Time { return queue.FrozenAt.Add(d) }
	onEach(t, func(t *testing.T, h *harness) {
		for _, past := range []time.Duration{-24 * time.Hour, -time.Millisecond, 0} {
			id := h.enqueue(queue.Job{Due: at(past)})
			h.wantState(id, queue.Ready)
			if d := h.leaseOne(); !d.Due.Equal(at(0)) || d.Lateness() != 0 {
				t.Errorf("due %v ago: late by %v", past, d.Lateness())
			}
		}
		for due, want := range map[time.Duration]time.Duration{
			40 * 24 * time.Hour: 40 * 24 * time.Hour,
			time.Millisecond:    time.Millisecond,
			time.Microsecond:    time.Millisecond,
		} {
			if got := h.job(h.enqueue(queue.Job{Due: at(due)})).At; !got.Equal(at(want)) {
				t.Errorf("due at +%v is stored as +%v", due, got.Sub(at(0)))
			}
		}
	})
}

// Row 5: the member of a set is the ID, so equal bodies do not collapse into one.
func TestEnqueueEqualBodiesAreSeparateJobs(t *testing.T) {
	onEach(t, func(t *testing.T, h *harness) {
		for range 2 {
			h.enqueue(queue.Job{Payload: []byte("same"), Delay: time.Minute})
		}
		h.advance(time.Minute)
		h.promote(2)
		if ds := h.lease(3); len(ds) != 2 || ds[0].ID == ds[1].ID {
			t.Fatalf("leased %v", idsOf(ds))
		}
	})
}

// Jobs that are due together run in the order in which they came, delayed or not.
func TestEnqueueOrder(t *testing.T) {
	for _, delay := range []time.Duration{0, time.Minute} {
		t.Run(delay.String(), func(t *testing.T) {
			onEach(t, func(t *testing.T, h *harness) {
				var want []string
				for range 20 {
					want = append(want, h.enqueue(queue.Job{Delay: delay}))
				}
				h.advance(delay)
				if delay > 0 {
					h.promote(20)
				}
				equal(t, idsOf(h.lease(20)), want)
			})
		})
	}
}

// An ID is idempotent in every state: the same job again is no error and changes nothing, another
// payload or kind under it is a conflict and changes nothing either.
func TestEnqueueKeepsWhatIsThere(t *testing.T) {
	for _, state := range queue.States() {
		t.Run(string(state), func(t *testing.T) {
			onEach(t, func(_ *testing.T, h *harness) {
				job := queue.Job{ID: "order-1", Payload: []byte("a")}
				h.place(state, job)
				h.refused(nil, func() error { return h.try(job) })
				h.refused(nil, func() error {
					return h.try(queue.Job{ID: "order-1", Payload: []byte("a"), Delay: time.Minute, Priority: queue.High})
				})
				h.refused(queue.ErrConflict, func() error { return h.try(queue.Job{ID: "order-1", Payload: []byte("b")}) })
				h.refused(queue.ErrConflict, func() error {
					return h.try(queue.Job{ID: "order-1", Payload: []byte("a"), Kind: "sms.other"})
				})
			})
		})
	}
}

// A caller-chosen ID stays idempotent for a minute after its job is done, so that a producer which
// repeats an unknown outcome does not run it twice; later it is free.
func TestEnqueueAfterDone(t *testing.T) {
	onEach(t, func(t *testing.T, h *harness) {
		job := queue.Job{ID: "order-1", Payload: []byte("a")}
		h.enqueue(job)
		h.ok(h.b.Ack(h.ctx, h.leaseOne()))
		h.wantState("order-1", queue.Done)
		keep := queue.PurgeConfig{DeadAge: -1, DeadKeep: -1, DoneKeep: -1}

		h.advance(time.Minute - time.Millisecond)
		purged, err := h.b.Purge(h.ctx, sms, keep)
		h.ok(err)
		if purged.Done != 0 {
			t.Fatal("purged before its minute was over")
		}
		h.refused(nil, func() error { return h.try(job) })
		h.leaseNone()

		h.advance(time.Millisecond)
		purged, err = h.b.Purge(h.ctx, sms, keep)
		h.ok(err)
		if purged.Done != 1 {
			t.Fatalf("purged %+v, want one done", purged)
		}
		h.traceless("order-1")
		h.enqueue(queue.Job{ID: "order-1", Payload: []byte("b")})
		if d := h.leaseOne(); string(d.Payload) != "b" {
			t.Fatalf("payload %q", d.Payload)
		}
	})
}

// The mover sleeps until the next due time: it has to hear of an earlier one, and only of that.
func TestEnqueueTicksForAnEarlierDueTime(t *testing.T) {
	onEach(t, func(t *testing.T, h *harness) {
		for _, step := range []struct {
			delay time.Duration
			ticks bool
		}{{time.Hour, true}, {2 * time.Hour, false}, {time.Hour, false}, {time.Minute, true}, {0, false}} {
			h.ok(h.rdb.Del(h.ctx, h.key("tick")).Err())
			h.enqueue(queue.Job{Delay: step.delay})
			if n := h.rdb.LLen(h.ctx, h.key("tick")).Val(); (n == 1) != step.ticks {
				t.Errorf("after a delay of %v: %d ticks", step.delay, n)
			}
		}
	})
}

// One token wakes one worker, however many jobs came: the lease passes it on.
func TestEnqueueWakesOnce(t *testing.T) {
	onEach(t, func(t *testing.T, h *harness) {
		for range 3 {
			h.enqueue(queue.Job{})
		}
		if n := h.rdb.LLen(h.ctx, h.key("wake")).Val(); n != 1 {
			t.Fatalf("%d tokens in wake, want 1", n)
		}
		woken, err := h.b.WaitReady(h.ctx, []string{"other", sms}, time.Second)
		if err != nil || woken != sms {
			t.Fatalf("woken for %q, %v", woken, err)
		}
		h.lease(1)
		if n := h.rdb.LLen(h.ctx, h.key("wake")).Val(); n != 1 {
			t.Fatal("a lease that left jobs behind did not wake the next worker")
		}
	})
}

// Rows 25 and 39: a full queue and a closed intake refuse, what is there goes on, and the same ID again
// is no new job.
func TestEnqueueRefusedByTheQueue(t *testing.T) {
	onEach(t, func(_ *testing.T, h *harness) {
		h.enqueue(queue.Job{ID: "first"})
		h.ok(h.in.SetMaxLen(h.ctx, sms, 2))
		h.enqueue(queue.Job{ID: "second", Delay: time.Hour})
		h.refused(queue.ErrQueueFull, func() error { return h.try(queue.Job{}) })
		h.refused(nil, func() error { return h.try(queue.Job{ID: "first"}) })
		h.ok(h.try(queue.Job{ID: "second", Payload: []byte("x"), IfExists: queue.Replace, Delay: time.Hour}))

		h.ok(h.in.CloseIntake(h.ctx, sms))
		h.refused(queue.ErrIntakeClosed, func() error { return h.try(queue.Job{}) })
		h.refused(queue.ErrIntakeClosed, func() error { return h.try(queue.Job{ID: "second", IfExists: queue.Replace}) })
		h.refused(nil, func() error { return h.try(queue.Job{ID: "first"}) })

		// A job that has ended, dead or done, leaves room.
		h.ok(h.b.Bury(h.ctx, h.leaseOne(), queue.ReasonRejected, nil))
		h.ok(h.in.OpenIntake(h.ctx, sms))
		h.ok(h.try(queue.Job{}))
		h.refused(queue.ErrQueueFull, func() error { return h.try(queue.Job{}) })
		h.ok(h.in.SetMaxLen(h.ctx, sms, 0))
		h.ok(h.try(queue.Job{}))
	})
}
