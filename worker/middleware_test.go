package worker_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dueq-io/dueq/queue"
	"github.com/dueq-io/dueq/worker"
)

// note is middleware that writes down when it comes and goes.
func note(order *[]string, name string) worker.Middleware {
	return func(next worker.Handler) worker.Handler {
		return worker.HandlerFunc(func(ctx context.Context, d *queue.Delivery) error {
			*order = append(*order, name+" in")
			defer func() { *order = append(*order, name+" out") }()
			return next.Run(ctx, d)
		})
	}
}

func TestMiddlewareOrder(t *testing.T) {
	t.Parallel()
	client := open(t, "memory://")
	var order []string
	done := make(chan struct{})
	w := build(t, client, only("q"), handlers{"k": func(context.Context, *queue.Delivery) error {
		order = append(order, "run")
		return nil
	}})
	w.Use(func(next worker.Handler) worker.Handler {
		return worker.HandlerFunc(func(ctx context.Context, d *queue.Delivery) error {
			defer close(done)
			return next.Run(ctx, d)
		})
	}, note(&order, "first"))
	w.Use(note(&order, "second"))
	stop := begin(t, w)
	enqueue(t, client, queue.Job{Queue: "q", Kind: "k"})
	next(t, done)
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	if want := []string{"first in", "second in", "run", "second out", "first out"}; !slices.Equal(order, want) {
		t.Errorf("%q, want %q", order, want)
	}
}

// delivery is what a handler gets, for middleware that is tried by itself.
func delivery() *queue.Delivery {
	return &queue.Delivery{Attempt: 3, Job: queue.Job{
		ID: "job-1", Queue: "q", Kind: "k", Payload: []byte("the payload"), Headers: map[string]string{"authorization": "the header"},
	}}
}

func TestRecover(t *testing.T) {
	t.Parallel()
	for name, value := range map[string]any{"text": "at the disco", "error": errOops} {
		h := worker.Recover()(worker.HandlerFunc(func(context.Context, *queue.Delivery) error { panic(value) }))
		err := h.Run(t.Context(), delivery())
		var p *worker.PanicError
		if !errors.As(err, &p) || p.Value != value || !bytes.Contains(p.Stack, []byte("middleware_test.go")) {
			t.Errorf("%s: %v", name, err)
		}
		if name == "error" && !errors.Is(err, errOops) {
			t.Errorf("%v does not unwrap", err)
		}
	}
}

func TestTimeout(t *testing.T) {
	t.Parallel()
	h := worker.Timeout(10 * time.Millisecond)(worker.HandlerFunc(func(ctx context.Context, _ *queue.Delivery) error {
		<-ctx.Done()
		return context.Cause(ctx)
	}))
	if err := h.Run(t.Context(), delivery()); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want DeadlineExceeded", err)
	}
	quick := worker.Timeout(time.Hour)(worker.HandlerFunc(func(ctx context.Context, _ *queue.Delivery) error { return ctx.Err() }))
	if err := quick.Run(t.Context(), delivery()); err != nil {
		t.Error(err)
	}
}

// Payloads, headers and stacks are not logged: they may hold secrets, or be long.
func TestLogKeepsSecrets(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		run  func() error
		want []string
	}{
		"done":   {func() error { return nil }, []string{"job starts", "lateness=", "job done", "took="}},
		"failed": {func() error { return errOops }, []string{"job starts", "level=WARN", "job failed", "error=oops"}},
		"panic":  {func() error { return &worker.PanicError{Value: "x", Stack: []byte("the stack")} }, []string{`error="panic: x"`}},
	} {
		var out bytes.Buffer
		logger := slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))
		err := worker.Log(logger)(worker.HandlerFunc(func(context.Context, *queue.Delivery) error { return c.run() })).Run(t.Context(), delivery())
		if fmt.Sprint(err) != fmt.Sprint(c.run()) {
			t.Errorf("%s: got %v", name, err)
		}
		for _, want := range append(c.want, "job_id=job-1", "queue=q", "kind=k", "attempt=3") {
			if !strings.Contains(out.String(), want) {
				t.Errorf("%s: no %s in\n%s", name, want, out.String())
			}
		}
		for _, secret := range []string{"payload", "header", "stack"} {
			if strings.Contains(out.String(), secret) {
				t.Errorf("%s: %s in\n%s", name, secret, out.String())
			}
		}
	}
}

// The worker's own log has neither, whatever becomes of a job.
func TestWorkerLogKeepsSecrets(t *testing.T) {
	t.Parallel()
	client := open(t, "memory://")
	var log journal
	cfg := only("q")
	cfg.Logger = log.logger()
	cfg.MaxAttempts = 2
	cfg.Backoff = queue.Constant(0)
	w := run(t, client, cfg, handlers{
		"fails":  func(context.Context, *queue.Delivery) error { return errOops },
		"panics": func(context.Context, *queue.Delivery) error { panic("x") },
		"dead":   func(context.Context, *queue.Delivery) error { return worker.Dead(errOops) },
		"fine":   func(context.Context, *queue.Delivery) error { return nil },
	})
	schedule(t, client)
	for _, kind := range []string{"fails", "panics", "dead", "fine", "unknown"} {
		enqueue(t, client, queue.Job{Queue: "q", Kind: kind, Payload: []byte("the payload"), Headers: map[string]string{"h": "the header"}})
	}
	stats(t, w, worker.Stats{Started: 7, Done: 1, Retried: 2, Dead: 3, Unknown: 1})
	if log.count("dead") != 3 || log.count("retry") != 2 || log.count("no handler for kind") != 1 {
		t.Errorf("log:\n%s", strings.Join(log.lines, ""))
	}
	for _, line := range log.lines {
		for _, secret := range []string{"payload", "header", "goroutine", ".go:"} {
			if strings.Contains(line, secret) {
				t.Errorf("%s in %s", secret, line)
			}
		}
	}
}

func TestHandleJSON(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, client *queue.Client) {
		type sms struct{ To, Text string }
		var mu sync.Mutex
		var got []sms
		w := build(t, client, only("q"), nil)
		worker.HandleJSON(w, "k", func(_ context.Context, d *queue.Delivery, body sms) error {
			mu.Lock()
			defer mu.Unlock()
			got = append(got, body)
			if d.ID == "" {
				return errOops
			}
			return nil
		})
		stop := begin(t, w)
		for name, bad := range map[string]string{"no JSON": "hello", "empty": "", "another type": `{"To": 7}`} {
			id := enqueue(t, client, queue.Job{Queue: "q", Kind: "k", Payload: []byte(bad)})
			job := reaches(t, client, "q", id, queue.Dead)
			if job.Reason != queue.ReasonRejected || len(job.Errors) != 1 || !strings.HasPrefix(job.Errors[0].Error, "decode payload: ") {
				t.Errorf("%s: reason %q, errors %v", name, job.Reason, job.Errors)
			}
		}
		enqueue(t, client, queue.Job{Queue: "q", Kind: "k", Payload: []byte(`{"To": "+1", "Text": "hi"}`)})
		stats(t, w, worker.Stats{Started: 4, Done: 1, Dead: 3})
		if err := stop(); err != nil {
			t.Error(err)
		}
		if want := []sms{{"+1", "hi"}}; !slices.Equal(got, want) {
			t.Errorf("%v, want %v", got, want)
		}
	})
}
