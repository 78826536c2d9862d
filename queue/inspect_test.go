package queue_test

import (
	"errors"
	"testing"
	"time"

	"github.com/dueq-io/dueq/queue"
)

// Row 44: each number is what the keys hold at this moment, and looking changes nothing.
func TestInspectDepth(t *testing.T) {
	onEach(t, func(t *testing.T, h *harness) {
		newStage(h)
		h.unchanged(func() {
			q := h.info()
			for _, c := range []struct {
				name string
				got  int64
				want int64
			}{
				{"delayed", q.Delayed, h.rdb.ZCard(h.ctx, h.key("delayed")).Val()},
				{"retrying", q.Retrying, h.rdb.ZCard(h.ctx, h.key("retry")).Val()},
				{"leased", q.Leased, h.rdb.ZCard(h.ctx, h.key("leased")).Val()},
				{"dead", q.Dead, h.rdb.ZCard(h.ctx, h.key("dead")).Val()},
				{"done", q.Done, h.rdb.ZCard(h.ctx, h.key("done")).Val()},
				{"ready", q.Ready, 3},
			} {
				if c.got != c.want || c.want == 0 {
					t.Errorf("%s: %d, want %d", c.name, c.got, c.want)
				}
			}
			sum := int64(0)
			for _, state := range queue.States() {
				sum += q.State(state)
			}
			if n := h.rdb.HLen(h.ctx, h.key("jobs")).Val(); sum != n {
				t.Errorf("%d jobs in all states, and %d records", sum, n)
			}
		})
	})
}

// What is late says so: the oldest that is ready, the first that is due and not promoted, the next.
func TestInspectTimes(t *testing.T) {
	onEach(t, func(t *testing.T, h *harness) {
		if q := h.info(); q.NextDue >= 0 || q.Overdue != 0 || q.OldestReady != 0 {
			t.Errorf("empty: %+v", q)
		}
		h.enqueue(queue.Job{Delay: time.Minute})
		h.enqueue(queue.Job{Delay: time.Hour})
		d := h.place(queue.Leased, queue.Job{}).d
		h.ok(h.b.Retry(h.ctx, d, 2*time.Minute, nil))
		if q := h.info(); q.NextDue != time.Minute || q.Overdue != 0 || q.OverdueAge != 0 {
			t.Errorf("before: %+v", q)
		}
		h.advance(3 * time.Minute)
		if q := h.info(); q.NextDue >= 0 || q.Overdue != 2 || q.OverdueAge != 2*time.Minute {
			t.Errorf("overdue: %+v", q)
		}
		h.promote(2)
		if q := h.info(); q.OldestReady != 2*time.Minute || q.NextDue != 57*time.Minute {
			t.Errorf("ready: %+v", q)
		}
	})
}

// All queues of the namespace, by name, and of no other; a name in the set that no queue can have is no
// key to be built.
func TestInspectQueues(t *testing.T) {
	onEach(t, func(t *testing.T, h *harness) {
		if infos, err := h.in.Queues(h.ctx); err != nil || len(infos) != 0 {
			t.Fatalf("%v, %v", infos, err)
		}
		for _, name := range []string{"b", "a", "c"} {
			h.enqueue(queue.Job{Queue: name, Delay: time.Hour})
		}
		h.ok(h.rdb.SAdd(h.ctx, h.c.Namespace()+":queues", "bad{name}", "").Err())
		infos, err := h.in.Queues(h.ctx)
		h.ok(err)
		var names []string
		for _, q := range infos {
			names = append(names, q.Name)
			if q.Delayed != 1 || q.Counts["enqueue"] != 1 {
				t.Errorf("queue %+v", q)
			}
		}
		equal(t, names, []string{"a", "b", "c"})
		if q, err := h.in.Queue(h.ctx, "never-used"); err != nil || q.Delayed+q.Ready != 0 || q.Name != "never-used" {
			t.Errorf("an unused queue: %+v, %v", q, err)
		}
	})
}

// The switches of a queue show, and a queue that has nothing but a switch is known.
func TestInspectSwitches(t *testing.T) {
	onEach(t, func(t *testing.T, h *harness) {
		h.ok(errors.Join(h.in.Pause(h.ctx, sms), h.in.CloseIntake(h.ctx, sms), h.in.SetMaxLen(h.ctx, sms, 1<<40)))
		infos, err := h.in.Queues(h.ctx)
		h.ok(err)
		if len(infos) != 1 || !infos[0].Paused || !infos[0].Closed || infos[0].MaxLen != 1<<40 {
			t.Fatalf("queues %+v", infos)
		}
		h.ok(errors.Join(h.in.Resume(h.ctx, sms), h.in.OpenIntake(h.ctx, sms), h.in.SetMaxLen(h.ctx, sms, 0)))
		if q := h.info(); q.Paused || q.Closed || q.MaxLen != 0 {
			t.Fatalf("queue %+v", q)
		}
		// Twice is no error.
		h.ok(errors.Join(h.in.Resume(h.ctx, sms), h.in.OpenIntake(h.ctx, sms)))
		if n := h.rdb.LLen(h.ctx, h.key("wake")).Val(); n > 1 {
			t.Errorf("%d tokens in wake", n)
		}
	})
}

// One job, in every state, by its ID.
func TestInspectJob(t *testing.T) {
	at := map[queue.State]time.Duration{
		queue.Delayed: time.Hour, queue.Leased: leaseTime, queue.Retrying: time.Hour, queue.Dead: 0, queue.Done: time.Hour,
	}
	for _, state := range queue.States() {
		t.Run(string(state), func(t *testing.T) {
			onEach(t, func(t *testing.T, h *harness) {
				id := h.place(state, queue.Job{Payload: []byte("<script>"), Tags: []string{"t"}}).id
				h.unchanged(func() {
					info := h.job(id)
					if info.State != state || info.ID != id || info.Queue != sms || info.Kind != "sms.send" ||
						string(info.Payload) != "<script>" || info.Created.IsZero() || info.Err != nil {
						t.Errorf("job %+v", info)
					}
					if want, ok := at[state]; ok && !info.At.Equal(queue.FrozenAt.Add(want)) {
						t.Errorf("at %v, want +%v", info.At, want)
					}
				})
			})
		})
	}
}
