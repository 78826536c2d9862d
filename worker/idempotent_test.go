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

// Row 17: one key comes 5 times. The effect is there once, 4 duplicates are counted, none is left.
func TestIdempotent(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, client *queue.Client) {
		var effects, duplicates, failures atomic.Int64
		cfg := only("q")
		cfg.Backoff = queue.Constant(0)
		w := build(t, client, cfg, handlers{"k": func(_ context.Context, d *queue.Delivery) error {
			if string(d.Payload) == "fails first" && failures.Add(1) <= 2 {
				return errOops
			}
			effects.Add(1)
			return nil
		}})
		key := func(d *queue.Delivery) string { return d.Headers["order"] }
		w.Use(worker.Timeout(time.Minute), worker.Idempotent(client.Broker(), key, time.Hour, func(*queue.Delivery) { duplicates.Add(1) }))
		stop := begin(t, w)
		t.Cleanup(func() { _ = stop() })
		schedule(t, client)
		job := queue.Job{Queue: "q", Kind: "k", Headers: map[string]string{"order": "7"}}
		enqueue(t, client, slices.Repeat([]queue.Job{job}, 5)...)
		redistest.Eventually(t, patience, func() bool { return w.Stats().Done == 5 }, "5 acks")
		if effects.Load() != 1 || duplicates.Load() != 4 {
			t.Errorf("%d effects, %d duplicates; want 1 and 4", effects.Load(), duplicates.Load())
		}
		empty(t, client, "q")

		// A failure leaves no mark: the job is retried, and its duplicate is one only after that.
		other := queue.Job{Queue: "q", Kind: "k", Payload: []byte("fails first"), Headers: map[string]string{"order": "8"}}
		enqueue(t, client, other)
		redistest.Eventually(t, patience, func() bool { return effects.Load() == 2 && w.Stats().Done == 6 }, "it was not retried")
		enqueue(t, client, other, queue.Job{Queue: "q", Kind: "k"}, queue.Job{Queue: "q", Kind: "k"})
		redistest.Eventually(t, patience, func() bool { return w.Stats().Done == 9 }, "9 acks")
		if effects.Load() != 4 || duplicates.Load() != 5 {
			t.Errorf("%d effects, %d duplicates; want 4 (two jobs have no key) and 5", effects.Load(), duplicates.Load())
		}

		// A mark is kept for its time only.
		advance(t, client, "q", 61*time.Minute)
		<-time.After(1100 * time.Millisecond) // nor does the process remember it, whose clock was not moved
		enqueue(t, client, job)
		redistest.Eventually(t, patience, func() bool { return w.Stats().Done == 10 }, "10 acks")
		if effects.Load() != 5 {
			t.Errorf("%d effects, want 5", effects.Load())
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

// When the mark cannot be looked up the job is not run: it is retried.
func TestIdempotentWithoutAnswer(t *testing.T) {
	t.Parallel()
	h := worker.Idempotent(noMarker{}, func(d *queue.Delivery) string { return d.ID }, time.Hour, nil)(
		worker.HandlerFunc(func(context.Context, *queue.Delivery) error { t.Error("it ran"); return nil }))
	if err := h.Run(t.Context(), delivery()); !errors.Is(err, queue.ErrUnavailable) {
		t.Errorf("got %v", err)
	}
}

type noMarker struct{}

func (noMarker) Marked(context.Context, string, string) (bool, error) {
	return false, queue.ErrUnavailable
}

// slowMarker answers as if no ack had been carried out yet.
type slowMarker struct{}

func (slowMarker) Marked(context.Context, string, string) (bool, error) { return false, nil }

// Jobs of one key that come at once wait for each other, also until the ack of the first, which leaves
// the mark; a failure lets the next one try.
func TestIdempotentOrdersDuplicatesThatComeAtOnce(t *testing.T) {
	t.Parallel()
	const jobs = 20
	var now, most, runs, duplicates atomic.Int64
	h := worker.Idempotent(slowMarker{}, func(d *queue.Delivery) string { return d.ID }, time.Hour, func(*queue.Delivery) { duplicates.Add(1) })(
		worker.HandlerFunc(func(context.Context, *queue.Delivery) error {
			most.Store(max(most.Load(), now.Add(1)))
			defer now.Add(-1)
			if runs.Add(1) < 3 {
				return errOops
			}
			return nil
		}))
	failed := make(chan error, jobs)
	for range jobs {
		go func() { failed <- h.Run(t.Context(), delivery()) }()
	}
	errs := 0
	for range jobs {
		if err := next(t, failed); err != nil {
			errs++
		}
	}
	if most.Load() != 1 || runs.Load() != 3 || errs != 2 || duplicates.Load() != jobs-3 {
		t.Errorf("%d at once, %d runs, %d failed, %d duplicates; want 1, 3, 2, %d", most.Load(), runs.Load(), errs, duplicates.Load(), jobs-3)
	}
}

// One that waits for another and loses its lease meanwhile does not wait on.
func TestIdempotentStopsWaitingWithItsContext(t *testing.T) {
	t.Parallel()
	running, release := make(chan struct{}), make(chan struct{})
	h := worker.Idempotent(slowMarker{}, func(d *queue.Delivery) string { return d.ID }, time.Hour, nil)(
		worker.HandlerFunc(func(context.Context, *queue.Delivery) error {
			close(running)
			<-release
			return nil
		}))
	first := make(chan error, 1)
	go func() { first <- h.Run(t.Context(), delivery()) }()
	next(t, running)
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(queue.ErrLeaseLost)
	if err := h.Run(ctx, delivery()); !errors.Is(err, queue.ErrLeaseLost) {
		t.Errorf("got %v, want ErrLeaseLost", err)
	}
	close(release)
	if err := next(t, first); err != nil {
		t.Error(err)
	}
}
