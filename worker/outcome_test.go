package worker_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/dueq-io/dueq/queue"
	"github.com/dueq-io/dueq/worker"
)

func TestNilAcks(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, c *queue.Client) {
		runs := make(chan *queue.Delivery, 10)
		w := run(t, c, only("q"), handlers{"k": func(_ context.Context, d *queue.Delivery) error { runs <- d; return nil }})
		id := enqueue(t, c, queue.Job{Queue: "q", Kind: "k", Payload: []byte("\x00bytes\xff"), Headers: map[string]string{"trace": "7"}, Tags: []string{"a"}})
		d := next(t, runs)
		if d.ID != id || string(d.Payload) != "\x00bytes\xff" || d.Headers["trace"] != "7" || d.Attempt != 1 || d.Token == 0 {
			t.Errorf("delivered %+v", d)
		}
		vanishes(t, c, "q", id)
		if n := info(t, c, "q").Counts["ack"]; n != 1 {
			t.Errorf("ack was counted %d times", n)
		}
		stats(t, w, worker.Stats{Started: 1, Done: 1})
	})
}

// Each way to fail leads to its state, with what was said kept for people to read.
func TestFailuresLeadToTheirState(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		run      func() error
		state    queue.State
		failures int
		reason   queue.Reason
		says     string
	}{
		"error":      {func() error { return errOops }, queue.Retrying, 1, "", "oops"},
		"retry in":   {func() error { return worker.RetryIn(time.Hour, errOops) }, queue.Retrying, 1, "", "oops"},
		"retry nil":  {func() error { return worker.RetryIn(time.Hour, nil) }, queue.Retrying, 1, "", "asked to be retried"},
		"wrapped":    {func() error { return fmt.Errorf("call: %w", worker.Dead(errOops)) }, queue.Dead, 1, queue.ReasonRejected, "call: oops"},
		"dead":       {func() error { return worker.Dead(errOops) }, queue.Dead, 1, queue.ReasonRejected, "oops"},
		"dead nil":   {func() error { return worker.Dead(nil) }, queue.Dead, 1, queue.ReasonRejected, "rejected by its handler"},
		"snooze":     {func() error { return worker.Snooze(time.Hour) }, queue.Delayed, 0, "", ""},
		"snooze < 0": {func() error { return worker.Snooze(-time.Hour) }, queue.Delayed, 0, "", ""},
		"panic":      {func() error { panic("at the disco") }, queue.Retrying, 1, "", "panic: at the disco"},
		"panic nil":  {func() error { panic(nil) }, queue.Retrying, 1, "", "panic called with nil argument"},
		"goexit":     {func() error { runtime.Goexit(); return nil }, queue.Retrying, 1, "", "handler ended its goroutine"},
		"typed nil":  {func() error { var e *failure; return e }, queue.Retrying, 1, "", "nil pointer dereference"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			both(t, func(t *testing.T, client *queue.Client) {
				cfg := only("q")
				cfg.Backoff = queue.Constant(time.Hour)
				run(t, client, cfg, handlers{"k": func(context.Context, *queue.Delivery) error { return c.run() }})
				id := enqueue(t, client, queue.Job{Queue: "q", Kind: "k"})
				job := reaches(t, client, "q", id, c.state)
				if job.Failures != c.failures || job.LostLeases != 0 || job.Reason != c.reason {
					t.Errorf("%d failures, %d leases lost, reason %q; want %d, 0, %q", job.Failures, job.LostLeases, job.Reason, c.failures, c.reason)
				}
				if c.says == "" {
					if len(job.Errors) != 0 {
						t.Errorf("errors %v, want none", job.Errors)
					}
					return
				}
				if len(job.Errors) != 1 || !strings.Contains(job.Errors[0].Error, c.says) || job.Errors[0].Attempt != 1 {
					t.Errorf("errors %v, want one that says %q", job.Errors, c.says)
				}
				if strings.HasPrefix(c.says, "panic") && !strings.Contains(job.Errors[0].Error, "outcome_test.go") {
					t.Errorf("no stack: %s", job.Errors[0].Error)
				}
			})
		})
	}
}

// failure is an error type whose nil pointer cannot say what is wrong, as many are.
type failure struct{ text string }

func (f *failure) Error() string { return f.text }

func TestLastFailureBuriesAndRequeueBeginsAnew(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, c *queue.Client) {
		attempts := make(chan int, 10)
		healed := make(chan struct{})
		cfg := only("q")
		cfg.Backoff = queue.Constant(0)
		w := run(t, c, cfg, handlers{"k": func(_ context.Context, d *queue.Delivery) error {
			attempts <- d.Attempt
			if len(d.Errors) != d.Attempt-1 {
				return worker.Dead(fmt.Errorf("attempt %d sees %d errors", d.Attempt, len(d.Errors)))
			}
			select {
			case <-healed:
				return nil
			default:
				panic("poison")
			}
		}})
		schedule(t, c)
		id := enqueue(t, c, queue.Job{Queue: "q", Kind: "k", MaxAttempts: 3})
		for want := 1; want <= 3; want++ {
			if got := next(t, attempts); got != want {
				t.Errorf("attempt %d, want %d", got, want)
			}
		}
		job := reaches(t, c, "q", id, queue.Dead)
		if job.Reason != queue.ReasonExhausted || job.Failures != 3 || len(job.Errors) != 3 || job.Errors[0].Attempt != 3 {
			t.Errorf("%q, %d failures, errors %v", job.Reason, job.Failures, job.Errors)
		}
		stats(t, w, worker.Stats{Started: 3, Retried: 2, Dead: 1})
		close(healed)
		if err := c.Inspector().Requeue(t.Context(), "q", id); err != nil {
			t.Fatal(err)
		}
		if got := next(t, attempts); got != 1 {
			t.Errorf("attempt %d after requeue, want 1", got)
		}
		vanishes(t, c, "q", id)
	})
}

func TestDefaultMaxAttempts(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, c *queue.Client) {
		cfg := only("q")
		cfg.Backoff = queue.Constant(0)
		cfg.MaxAttempts = 2
		w := run(t, c, cfg, handlers{"k": func(context.Context, *queue.Delivery) error { return errOops }})
		schedule(t, c)
		id := enqueue(t, c, queue.Job{Queue: "q", Kind: "k"})
		if job := reaches(t, c, "q", id, queue.Dead); job.Failures != 2 {
			t.Errorf("dead after %d failures, want 2", job.Failures)
		}
		stats(t, w, worker.Stats{Started: 2, Retried: 1, Dead: 1})
	})
}

// A newer deployment may know the kind: nothing is counted, and the queue goes on.
func TestUnknownKindIsSnoozed(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, c *queue.Client) {
		done := make(chan string, 10)
		w := run(t, c, only("q"), handlers{"k": func(_ context.Context, d *queue.Delivery) error { done <- d.ID; return nil }})
		stranger := enqueue(t, c, queue.Job{Queue: "q", Kind: "from.the.future"})
		known := enqueue(t, c, queue.Job{Queue: "q", Kind: "k"})
		if got := next(t, done); got != known {
			t.Errorf("ran %s, want %s", got, known)
		}
		job := reaches(t, c, "q", stranger, queue.Delayed)
		if wait := time.Until(job.At); job.Failures != 0 || len(job.Errors) != 0 || wait > time.Minute+time.Second || wait < 30*time.Second {
			t.Errorf("%d failures, due in %v; want none and about a minute", job.Failures, wait)
		}
		stats(t, w, worker.Stats{Started: 2, Done: 1, Unknown: 1})
		late := make(chan string, 1)
		run(t, c, only("q"), handlers{"from.the.future": func(_ context.Context, d *queue.Delivery) error { late <- d.ID; return nil }})
		schedule(t, c)
		redeliver(t, c, late, stranger)
	})
}

// redeliver lets time pass until a worker that knows the kind has met the job.
func redeliver(t *testing.T, c *queue.Client, ran <-chan string, id string) {
	t.Helper()
	for range 50 {
		advance(t, c, "q", 2*time.Minute)
		select {
		case got := <-ran:
			if got != id {
				t.Errorf("ran %s, want %s", got, id)
			}
			vanishes(t, c, "q", id)
			return
		case <-time.After(200 * time.Millisecond):
		}
	}
	t.Errorf("job %s never met the worker that knows its kind", id)
}

func TestAnyKindTakesTheRest(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, c *queue.Client) {
		ran := make(chan string, 10)
		run(t, c, only("q"), handlers{
			"k":            func(context.Context, *queue.Delivery) error { ran <- "own"; return nil },
			worker.AnyKind: func(_ context.Context, d *queue.Delivery) error { ran <- d.Kind; return nil },
		})
		for _, kind := range []string{"k", "other"} {
			enqueue(t, c, queue.Job{Queue: "q", Kind: kind})
			if got, want := next(t, ran), map[string]string{"k": "own", "other": "other"}[kind]; got != want {
				t.Errorf("kind %s went to %s, want %s", kind, got, want)
			}
		}
	})
}

// A worker never sees the jobs of a queue that it does not serve.
func TestOtherQueuesAreLeftAlone(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, c *queue.Client) {
		ran := make(chan string, 10)
		run(t, c, only("q"), handlers{"k": func(_ context.Context, d *queue.Delivery) error { ran <- d.Queue; return nil }})
		enqueue(t, c, queue.Job{Queue: "other", Kind: "k"}, queue.Job{Queue: "q", Kind: "k"})
		if got := next(t, ran); got != "q" {
			t.Errorf("ran a job of queue %s", got)
		}
		if q := info(t, c, "other"); q.Ready != 1 || len(ran) != 0 {
			t.Errorf("%d of 1 job is ready in the other queue", q.Ready)
		}
	})
}

func TestPanicErrorUnwraps(t *testing.T) {
	t.Parallel()
	var p *worker.PanicError
	err := error(&worker.PanicError{Value: errOops, Stack: []byte("stack")})
	if !errors.Is(err, errOops) || !errors.As(err, &p) || !strings.Contains(err.Error(), "stack") {
		t.Errorf("%v", err)
	}
	if err := error(&worker.PanicError{Value: 7}); errors.Unwrap(err) != nil {
		t.Errorf("%v", errors.Unwrap(err))
	}
}
