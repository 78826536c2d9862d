package worker_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/dueq-io/dueq/queue"
	"github.com/dueq-io/dueq/scheduler"
	"github.com/dueq-io/dueq/worker"
)

type SMS struct{ To, Text string }

// The program of the package's documentation, on the embedded Redis. It ends when it has sent its SMS,
// and not when it is told to by a signal.
func Example() {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	client, err := queue.Open(ctx, "memory://")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()
	w, err := worker.New(client, worker.Config{Queues: map[string]int{"sms": 1}, Concurrency: 64, Logger: silent})
	if err != nil {
		fmt.Println(err)
		return
	}
	worker.HandleJSON(w, "sms.send", func(_ context.Context, _ *queue.Delivery, sms SMS) error {
		fmt.Printf("to %s: %s\n", sms.To, sms.Text)
		stop()
		return nil
	})
	s, err := scheduler.New(client, scheduler.Config{Logger: silent})
	if err != nil {
		fmt.Println(err)
		return
	}

	payload := []byte(`{"To": "+4930123456", "Text": "Your order is ready."}`)
	job := queue.Job{Queue: "sms", Kind: "sms.send", Payload: payload, Delay: 20 * time.Millisecond}
	if _, err := client.Enqueue(ctx, job); err != nil {
		fmt.Println(err)
		return
	}

	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return w.Run(ctx) })
	group.Go(func() error { return s.Run(ctx) })
	if err := group.Wait(); err != nil {
		fmt.Println(err)
	}
	// Output: to +4930123456: Your order is ready.
}

// An endpoint that says when it wants to be called again, and one that will never take the call.
func ExampleRetryIn() {
	calls := 0
	serve(queue.Job{Queue: "callback", Kind: "order.paid"}, func(_ context.Context, d *queue.Delivery) error {
		calls++
		switch calls {
		case 1:
			fmt.Println("attempt", d.Attempt, "- 503, again in 20 ms")
			return worker.RetryIn(20*time.Millisecond, errors.New("503 Service Unavailable"))
		default:
			fmt.Println("attempt", d.Attempt, "- 410, never again; before that:", d.Errors[0].Error)
			return worker.Dead(errors.New("410 Gone"))
		}
	})
	// Output:
	// attempt 1 - 503, again in 20 ms
	// attempt 2 - 410, never again; before that: 503 Service Unavailable
	// dead: rejected, 410 Gone
}

// The gateway is closed for now. That is nobody's failure.
func ExampleSnooze() {
	open := false
	serve(queue.Job{Queue: "sms", Kind: "sms.send", MaxAttempts: 1}, func(_ context.Context, d *queue.Delivery) error {
		if !open {
			open = true
			fmt.Println("closed")
			return worker.Snooze(20 * time.Millisecond)
		}
		fmt.Println("open, attempt", d.Attempt)
		return nil
	})
	// Output:
	// closed
	// open, attempt 1
}

// An order that is paid twice is billed once.
func ExampleIdempotent() {
	ctx := context.Background()
	client, err := queue.Open(ctx, "memory://")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()
	w, err := worker.New(client, worker.Config{Queues: map[string]int{"bills": 1}, Concurrency: 1, Logger: silent})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	order := func(d *queue.Delivery) string { return d.Headers["order"] }
	w.Use(worker.Idempotent(client.Broker(), order, 24*time.Hour, func(d *queue.Delivery) {
		fmt.Println("order", d.Headers["order"], "is billed already")
		stop()
	}))
	w.Handle("bill", worker.HandlerFunc(func(_ context.Context, d *queue.Delivery) error {
		fmt.Println("bill for order", d.Headers["order"])
		return nil
	}))
	job := queue.Job{Queue: "bills", Kind: "bill", Headers: map[string]string{"order": "7"}}
	if _, err := client.EnqueueMany(ctx, []queue.Job{job, job}); err != nil {
		fmt.Println(err)
		return
	}
	if err := w.Run(ctx); err != nil {
		fmt.Println(err)
	}
	// Output:
	// bill for order 7
	// order 7 is billed already
}

var silent = slog.New(slog.DiscardHandler)

// serve runs one job on the embedded Redis until it is done or dead.
func serve(job queue.Job, run worker.HandlerFunc) {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	client, err := queue.Open(ctx, "memory://")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()
	cfg := worker.Config{Queues: map[string]int{job.Queue: 1}, Logger: silent}
	cfg.OnDead = func(_ context.Context, _ *queue.Delivery, reason queue.Reason, err error) {
		fmt.Printf("dead: %s, %v\n", reason, err)
		stop()
	}
	w, err := worker.New(client, cfg)
	if err != nil {
		fmt.Println(err)
		return
	}
	w.Handle(job.Kind, worker.HandlerFunc(func(ctx context.Context, d *queue.Delivery) error {
		err := run(ctx, d)
		if err == nil {
			stop()
		}
		return err
	}))
	s, err := scheduler.New(client, scheduler.Config{Logger: silent})
	if err != nil {
		fmt.Println(err)
		return
	}
	if _, err := client.Enqueue(ctx, job); err != nil {
		fmt.Println(err)
		return
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return w.Run(ctx) })
	group.Go(func() error { return s.Run(ctx) })
	if err := group.Wait(); err != nil {
		fmt.Println(err)
	}
}
