package queue_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/dueq-io/dueq/queue"
)

// verbCall is a verb that has something to do in the keyspace that stage leaves.
type verbCall struct {
	verb string
	call func(h *harness, s *stage) error
}

// stage is a shard with a job in every state, and two deliveries to settle, one of which was cancelled.
type stage struct {
	d, cancelled *queue.Delivery
	dead, done   string
}

func newStage(h *harness) *stage {
	h.t.Helper()
	s := &stage{}
	for _, state := range []queue.State{queue.Retrying, queue.Done, queue.Dead, queue.Leased} {
		p := h.place(state, queue.Job{Priority: queue.High, Unique: queue.Unique{Key: "of " + string(state)}})
		switch state {
		case queue.Leased:
			s.d = p.d
		case queue.Dead:
			s.dead = p.id
		case queue.Done:
			s.done = p.id
		default:
		}
	}
	s.cancelled = h.place(queue.Leased, queue.Job{Unique: queue.Unique{Key: "of cancelled"}}).d
	if err := h.c.Cancel(h.ctx, sms, s.cancelled.ID); !errors.Is(err, queue.ErrRunning) {
		h.t.Fatal(err)
	}
	h.enqueue(queue.Job{ID: "delayed", Delay: time.Minute, Priority: queue.Low})
	h.enqueue(queue.Job{ID: "later", Delay: time.Hour})
	for _, p := range []queue.Priority{queue.Low, queue.Normal, queue.High} {
		h.enqueue(queue.Job{ID: "ready-" + p.String(), Priority: p, Unique: queue.Unique{Key: p.String(), Scope: queue.UntilStarted}})
	}
	h.enqueue(queue.Job{ID: "ghost"})
	h.ok(h.c.Cancel(h.ctx, sms, "ghost"))
	h.reap(queue.ReapConfig{Grace: time.Millisecond})
	h.advance(time.Minute)
	h.reap(queue.ReapConfig{Grace: time.Millisecond}) // a stall: the first pass ends no lease
	h.advance(time.Second)
	return s
}

func verbCalls() []verbCall {
	other := errors.New("other")
	unlessCancelled := func(err error) error {
		if errors.Is(err, queue.ErrCancelled) {
			return nil
		}
		return err
	}
	return []verbCall{
		{"enqueue", func(h *harness, _ *stage) error {
			_, err := h.c.EnqueueMany(h.ctx, []queue.Job{
				{Queue: sms, Kind: "k", ID: "new", Unique: queue.Unique{Key: "new"}, Priority: queue.High},
				{Queue: sms, Kind: "k", ID: "new-2", Priority: queue.Low},
				{Queue: sms, Kind: "k", ID: "new-3", Delay: time.Millisecond},
				{Queue: sms, Kind: "k", ID: "new-4"},
				{Queue: sms, Kind: "k", ID: "ready-low", IfExists: queue.Replace},
				{Queue: sms, Kind: "k", ID: "later", IfExists: queue.Replace},
			})
			return err
		}},
		{"promote", func(h *harness, _ *stage) error { _, err := h.b.Promote(h.ctx, sms, 9); return err }},
		{"lease", func(h *harness, _ *stage) error { _, _, err := h.b.Lease(h.ctx, sms, 9, leaseTime); return err }},
		{"extend", func(h *harness, s *stage) error {
			_, err := h.b.Extend(h.ctx, []*queue.Delivery{s.d, s.cancelled}, leaseTime)
			return err
		}},
		{"ack", func(h *harness, s *stage) error {
			s.d.Mark("mark", time.Hour)
			s.d.Retain = time.Hour
			return errors.Join(h.together("ack", func() error { return h.b.Ack(h.ctx, s.d) },
				func() error { return h.b.Ack(h.ctx, s.cancelled) })...)
		}},
		{"retry", func(h *harness, s *stage) error {
			return errors.Join(h.together("retry", func() error { return h.b.Retry(h.ctx, s.d, time.Millisecond, other) },
				func() error { return unlessCancelled(h.b.Retry(h.ctx, s.cancelled, 0, other)) })...)
		}},
		{"snooze", func(h *harness, s *stage) error {
			return errors.Join(h.together("snooze", func() error { return h.b.Snooze(h.ctx, s.d, time.Millisecond) },
				func() error { return unlessCancelled(h.b.Snooze(h.ctx, s.cancelled, 0)) })...)
		}},
		{"release", func(h *harness, s *stage) error {
			return errors.Join(h.together("release", func() error { return h.b.Release(h.ctx, s.d) },
				func() error { return unlessCancelled(h.b.Release(h.ctx, s.cancelled)) })...)
		}},
		{"bury", func(h *harness, s *stage) error {
			return errors.Join(h.together("bury", func() error { return h.b.Bury(h.ctx, s.d, queue.ReasonRejected, other) },
				func() error { return unlessCancelled(h.b.Bury(h.ctx, s.cancelled, queue.ReasonRejected, other)) })...)
		}},
		{"reap", func(h *harness, _ *stage) error { _, err := h.b.Reap(h.ctx, sms, queue.ReapConfig{}); return err }},
		{"reschedule", func(h *harness, _ *stage) error { return h.c.Reschedule(h.ctx, sms, "later", time.Millisecond) }},
		{"cancel", func(h *harness, s *stage) error {
			again := func(id string) func() error {
				return func() error {
					if err := h.c.Cancel(h.ctx, sms, id); !errors.Is(err, queue.ErrRunning) {
						return err
					}
					return nil
				}
			}
			return errors.Join(h.together("cancel", again("ready-high"), again(s.d.ID), again("later"), again(s.dead))...)
		}},
		{"requeue", func(h *harness, s *stage) error { return h.in.Requeue(h.ctx, sms, s.dead) }},
		{"purge", func(h *harness, _ *stage) error { _, err := h.b.Purge(h.ctx, sms, queue.PurgeConfig{}); return err }},
	}
}

// Another program's value under one of our keys makes a process's first call fail with a clear error, and
// not half-way: nothing is lost, nothing doubled, and the verb works once the key is ours again.
func TestWrongTypeUnderEachKey(t *testing.T) {
	for _, v := range verbCalls() {
		t.Run(v.verb, func(t *testing.T) {
			for _, name := range slices.Sorted(slices.Values(queue.KeysUsed(v.verb))) {
				t.Run(name, func(t *testing.T) {
					onEach(t, func(t *testing.T, h *harness) {
						s := newStage(h)
						key := h.key(name)
						before := h.dump()
						_ = h.rdb.Rename(h.ctx, key, h.c.Namespace()+":aside") // may not exist
						h.ok(h.rdb.Set(h.ctx, key, "foreign", 0).Err())
						queue.Unvet(h.c, sms)
						if err := v.call(h, s); !errors.Is(err, queue.ErrWrongType) {
							t.Errorf("got %v, want %v", err, queue.ErrWrongType)
						}
						h.ok(h.rdb.Del(h.ctx, key).Err())
						_ = h.rdb.Rename(h.ctx, h.c.Namespace()+":aside", key)
						h.same(before, h.dump())
						h.ok(v.call(h, s))
					})
				})
			}
		})
	}
}
