package queuetest_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dueq-io/dueq/queue"
	"github.com/dueq-io/dueq/queue/queuetest"
	"github.com/dueq-io/dueq/worker"
)

func TestRunDueRunsAllThatIsDue(t *testing.T) {
	t.Parallel()
	q := queuetest.New(t)
	enqueue(t, q, queue.Job{Queue: "b", Kind: "k", Payload: []byte("b1")}, queue.Job{Queue: "a", Kind: "k", Payload: []byte("a1")},
		queue.Job{Queue: "a", Kind: "more", Payload: []byte("a2")}, queue.Job{Queue: "a", Kind: "k", Payload: []byte("later"), Delay: time.Hour})
	var order []string
	note := func(_ context.Context, d *queue.Delivery) error {
		order = append(order, string(d.Payload))
		return nil
	}
	handlers := queuetest.Handlers{"k": note, "*": note}
	handlers["more"] = func(ctx context.Context, d *queue.Delivery) error {
		if _, err := q.Client.Enqueue(ctx, queue.Job{Queue: "a", Kind: "other", Payload: []byte("a3")}); err != nil {
			return err
		}
		return note(ctx, d)
	}
	if n := q.RunDue(t.Context(), handlers); n != 4 {
		t.Errorf("%d ran, want 4", n)
	}
	if want := []string{"a1", "a2", "a3", "b1"}; !slices.Equal(order, want) {
		t.Errorf("ran %v, want %v", order, want)
	}
	if n := q.RunDue(t.Context(), handlers); n != 0 {
		t.Errorf("%d ran again", n)
	}
	q.Advance(time.Hour)
	if n := q.RunDue(t.Context(), handlers); n != 1 || len(q.Enqueued("a"))+len(q.Enqueued("b")) != 0 {
		t.Errorf("%d ran after an hour; left %v", n, q.Enqueued("a"))
	}
}

func TestRunDueSettlesAsAWorkerDoes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		job    queue.Job
		err    error
		state  queue.State
		reason queue.Reason
		wait   time.Duration
	}{
		"error":           {err: errOops, state: queue.Retrying, wait: time.Minute},
		"the job's table": {job: queue.Job{Backoff: []time.Duration{time.Hour}}, err: errOops, state: queue.Retrying, wait: time.Hour},
		"retry in":        {err: fmt.Errorf("wrapped: %w", worker.RetryIn(2*time.Hour, errOops)), state: queue.Retrying, wait: 2 * time.Hour},
		"snooze":          {err: worker.Snooze(3 * time.Hour), state: queue.Delayed, wait: 3 * time.Hour},
		"dead":            {err: worker.Dead(errOops), state: queue.Dead, reason: queue.ReasonRejected},
		"last attempt":    {job: queue.Job{MaxAttempts: 1}, err: errOops, state: queue.Dead, reason: queue.ReasonExhausted},
		"done":            {job: queue.Job{Retain: time.Hour}, state: queue.Done},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q := queuetest.New(t)
			job := c.job
			job.Queue, job.Kind = "q", "k"
			enqueue(t, q, job)
			handlers := queuetest.Handlers{"k": func(context.Context, *queue.Delivery) error { return c.err }}
			if n := q.RunDue(t.Context(), handlers); n != 1 {
				t.Fatalf("%d ran", n)
			}
			got := q.Enqueued("q")[0]
			if got.State != c.state || got.Reason != c.reason {
				t.Errorf("%s %q, want %s %q", got.State, got.Reason, c.state, c.reason)
			}
			if c.wait > 0 {
				if wait := got.At.Sub(q.Now()).Round(time.Minute); wait != c.wait {
					t.Errorf("due in %v, want %v", wait, c.wait)
				}
				q.Advance(c.wait - 10*time.Second)
				early := q.RunDue(t.Context(), handlers)
				q.Advance(10 * time.Second)
				if late := q.RunDue(t.Context(), handlers); early != 0 || late != 1 {
					t.Errorf("%d ran early, %d in time", early, late)
				}
			}
		})
	}
}

func TestRunDueFollowsTheQueue(t *testing.T) {
	t.Parallel()
	q := queuetest.New(t)
	q.MaxAttempts, q.Backoff = 3, queue.Constant(0)
	runs := 0
	fail := queuetest.Handlers{"k": func(context.Context, *queue.Delivery) error { runs++; return errOops }}
	enqueue(t, q, queue.Job{Queue: "q", Kind: "k"})
	if n := q.RunDue(t.Context(), fail); n != 3 || runs != 3 || q.Enqueued("q")[0].State != queue.Dead {
		t.Errorf("%d ran, %s", n, q.Enqueued("q")[0].State)
	}
	// A paused queue waits, and one that was cancelled by its own handler is gone.
	enqueue(t, q, queue.Job{Queue: "paused", Kind: "k"})
	if err := q.Client.Inspector().Pause(t.Context(), "paused"); err != nil {
		t.Fatal(err)
	}
	enqueue(t, q, queue.Job{Queue: "self", Kind: "cancels"})
	n := q.RunDue(t.Context(), queuetest.Handlers{"cancels": func(ctx context.Context, d *queue.Delivery) error {
		_ = q.Client.Cancel(ctx, d.Queue, d.ID) // ErrRunning
		return errOops
	}})
	if n != 1 || len(q.Enqueued("self")) != 0 || len(q.Enqueued("paused")) != 1 {
		t.Errorf("%d ran; left %v", n, q.Enqueued("self"))
	}
}

func TestRunDueExpires(t *testing.T) {
	t.Parallel()
	q := queuetest.New(t)
	for _, policy := range []queue.ExpiryPolicy{queue.BuryExpired, queue.DropExpired, queue.RunExpired} {
		enqueue(t, q, queue.Job{Queue: "q", Kind: "k", ID: fmt.Sprint("job-", policy), Expires: q.Now().Add(time.Hour), OnExpiry: policy})
	}
	q.Advance(2 * time.Hour)
	n := q.RunDue(t.Context(), queuetest.Handlers{"k": func(_ context.Context, d *queue.Delivery) error {
		if !d.Expired() || d.OnExpiry != queue.RunExpired {
			t.Errorf("ran %s", d.ID)
		}
		return nil
	}})
	states := map[string]queue.State{}
	for _, job := range q.Enqueued("q") {
		states[job.ID] = job.State
	}
	if n != 1 || len(states) != 2 || states["job-0"] != queue.Dead || states["job-2"] != queue.Done {
		t.Errorf("%d ran; %v", n, states)
	}
}

func TestRunDueFailsTheTest(t *testing.T) {
	t.Parallel()
	r := &recorder{T: t}
	q := queuetest.New(r)
	enqueue(t, q, queue.Job{Queue: "q", Kind: "unknown", Payload: []byte("hello")})
	said := r.fails(func() { q.RunDue(t.Context(), nil) })
	for _, want := range []string{`no handler for kind "unknown"`, "queue q", `payload "hello"`} {
		if !strings.Contains(said, want) {
			t.Errorf("%s is not in: %s", want, said)
		}
	}
	if job := q.Enqueued("q")[0]; job.State != queue.Delayed || job.Failures != 0 {
		t.Errorf("%+v", job)
	}
	queuetest.LimitRuns(q, 100)
	enqueue(t, q, queue.Job{Queue: "endless", Kind: "k"})
	said = r.fails(func() {
		q.RunDue(t.Context(), queuetest.Handlers{"k": func(context.Context, *queue.Delivery) error { return worker.Snooze(0) }})
	})
	if !strings.Contains(said, "for ever") {
		t.Errorf("said %q", said)
	}
}
