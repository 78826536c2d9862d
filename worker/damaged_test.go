package worker_test

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dueq-io/dueq/internal/redistest"
	"github.com/dueq-io/dueq/queue"
	"github.com/dueq-io/dueq/worker"
)

// buried is one call of OnDead.
type buried struct {
	d      *queue.Delivery
	reason queue.Reason
	err    error
}

// A record that cannot be read goes to dead with its bytes; the queue goes on.
func TestUnreadableRecordsAreBuried(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		spoil func(record []byte) []byte
		want  error
	}{
		"a byte is flipped": {func(r []byte) []byte { r[len(r)-1] ^= 1; return r }, queue.ErrDamaged},
		"cut off":           {func(r []byte) []byte { return r[:3] }, queue.ErrDamaged},
		"newer version":     {func(r []byte) []byte { r[0] = 200; return r }, queue.ErrNewerVersion},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client := open(t, redistest.URL(t))
			rdb := redistest.Client(t)
			first := enqueue(t, client, queue.Job{Queue: "q", Kind: "k", Payload: []byte("hello")})
			second := enqueue(t, client, queue.Job{Queue: "q", Kind: "k"})
			key := client.Namespace() + ":{q}:jobs"
			record, err := rdb.HGet(t.Context(), key, first).Bytes()
			if err != nil {
				t.Fatal(err)
			}
			record = c.spoil(record)
			if err := rdb.HSet(t.Context(), key, first, record).Err(); err != nil {
				t.Fatal(err)
			}
			hook := make(chan buried, 10)
			ran := make(chan string, 10)
			cfg := only("q")
			cfg.OnDead = func(_ context.Context, d *queue.Delivery, reason queue.Reason, err error) {
				hook <- buried{d, reason, err}
			}
			run(t, client, cfg, handlers{worker.AnyKind: func(_ context.Context, d *queue.Delivery) error { ran <- d.ID; return nil }})
			if got := next(t, ran); got != second {
				t.Errorf("ran %s, want %s", got, second)
			}
			job := reaches(t, client, "q", first, queue.Dead)
			if job.Reason != queue.ReasonDamaged || !errors.Is(job.Err, c.want) || !slices.Equal(job.Payload, record) {
				t.Errorf("reason %q, error %v, payload %q; want damaged, %v, %q", job.Reason, job.Err, job.Payload, c.want, record)
			}
			if b := next(t, hook); b.reason != queue.ReasonDamaged || !errors.Is(b.err, c.want) {
				t.Errorf("OnDead got %+v", b)
			}
		})
	}
}

// A key of the wrong type stops its own queue only, and work goes on when it is mended.
func TestWrongTypeStopsOnlyItsQueue(t *testing.T) {
	t.Parallel()
	client := open(t, redistest.URL(t))
	rdb := redistest.Client(t)
	key := client.Namespace() + ":{bad}:ready"
	if err := rdb.Set(t.Context(), key, "a string", 0).Err(); err != nil {
		t.Fatal(err)
	}
	var n atomic.Int64
	cfg := worker.Config{Queues: map[string]int{"bad": 9, "good": 1}, Strict: true, Concurrency: 2, Logger: quiet}
	run(t, client, cfg, handlers{"k": func(context.Context, *queue.Delivery) error { n.Add(1); return nil }})
	enqueue(t, client, slices.Repeat([]queue.Job{{Queue: "good", Kind: "k"}}, 200)...)
	redistest.Eventually(t, patience, func() bool { return n.Load() == 200 }, "the good queue was held up")
	if err := rdb.Del(t.Context(), key).Err(); err != nil {
		t.Fatal(err)
	}
	enqueue(t, client, queue.Job{Queue: "bad", Kind: "k"})
	redistest.Eventually(t, patience, func() bool { return n.Load() == 201 }, "the mended queue is not served")
}

func TestExpiredJobsFollowTheirPolicy(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, client *queue.Client) {
		ids := map[queue.ExpiryPolicy]string{}
		for _, policy := range []queue.ExpiryPolicy{queue.BuryExpired, queue.DropExpired, queue.RunExpired} {
			ids[policy] = enqueue(t, client, queue.Job{Queue: "q", Kind: "k", Delay: time.Hour, Expires: time.Now().Add(2 * time.Hour), OnExpiry: policy})
		}
		intime := enqueue(t, client, queue.Job{Queue: "q", Kind: "k", Delay: time.Hour, Expires: time.Now().Add(30 * time.Hour)})
		advance(t, client, "q", 3*time.Hour)
		if p, err := client.Broker().Promote(t.Context(), "q", 10); err != nil || p.Moved != 4 {
			t.Fatal(p, err)
		}
		ran := make(chan *queue.Delivery, 10)
		hook := make(chan buried, 10)
		cfg := only("q")
		cfg.OnDead = func(_ context.Context, d *queue.Delivery, reason queue.Reason, err error) {
			hook <- buried{d, reason, err}
		}
		w := run(t, client, cfg, handlers{"k": func(_ context.Context, d *queue.Delivery) error { ran <- d; return nil }})
		for range 2 {
			d := next(t, ran)
			if d.ID != intime && d.ID != ids[queue.RunExpired] || d.Expired() != (d.ID != intime) {
				t.Errorf("ran %s, expired %v", d.ID, d.Expired())
			}
		}
		if job := reaches(t, client, "q", ids[queue.BuryExpired], queue.Dead); job.Reason != queue.ReasonExpired || job.Failures != 0 {
			t.Errorf("reason %q, %d failures; want expired, 0", job.Reason, job.Failures)
		}
		if b := next(t, hook); b.reason != queue.ReasonExpired || b.err != nil {
			t.Errorf("OnDead got %+v", b)
		}
		redistest.Eventually(t, patience, func() bool { return info(t, client, "q").Counts["drop"] == 1 }, "no drop was counted")
		if _, err := client.Inspector().Job(t.Context(), "q", ids[queue.DropExpired]); !errors.Is(err, queue.ErrNotFound) {
			t.Errorf("the dropped job: %v", err)
		}
		stats(t, w, worker.Stats{Started: 4, Done: 2, Dead: 1, Expired: 2})
	})
}

func TestOnDead(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, client *queue.Client) {
		hook := make(chan buried, 10)
		cfg := only("q")
		cfg.OnDead = func(ctx context.Context, d *queue.Delivery, reason queue.Reason, err error) {
			// It is called after the job was buried, with a context that is in force.
			job, failed := client.Inspector().Job(ctx, "q", d.ID)
			if failed != nil || job.State != queue.Dead {
				t.Errorf("in OnDead the job is %q, %v", job.State, failed)
			}
			hook <- buried{d, reason, err}
			if d.Kind == "panics" {
				panic("in the hook")
			}
		}
		w := run(t, client, cfg, handlers{
			"fails":  func(context.Context, *queue.Delivery) error { return errOops },
			"dead":   func(context.Context, *queue.Delivery) error { return worker.Dead(errOops) },
			"panics": func(context.Context, *queue.Delivery) error { panic(errOops) },
			"fine":   func(context.Context, *queue.Delivery) error { return nil },
		})
		for kind, want := range map[string]queue.Reason{
			"fails": queue.ReasonExhausted, "dead": queue.ReasonRejected, "panics": queue.ReasonExhausted,
		} {
			id := enqueue(t, client, queue.Job{Queue: "q", Kind: "fine"}, queue.Job{Queue: "q", Kind: kind, MaxAttempts: 1})
			if b := next(t, hook); b.d.ID != id || b.reason != want || !errors.Is(b.err, errOops) {
				t.Errorf("kind %s: OnDead got %s %s %v", kind, b.d.ID, b.reason, b.err)
			}
			if job := reaches(t, client, "q", id, queue.Dead); job.Reason != want || len(job.Errors) != 1 {
				t.Errorf("kind %s: %q, errors %v", kind, job.Reason, job.Errors)
			}
		}
		stats(t, w, worker.Stats{Started: 6, Done: 3, Dead: 3})
	})
}
