package worker_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dueq-io/dueq/internal/redistest"
	"github.com/dueq-io/dueq/queue"
	"github.com/dueq-io/dueq/scheduler"
	"github.com/dueq-io/dueq/worker"
)

func TestSmoke(t *testing.T) {
	for name, url := range map[string]string{"redis": redistest.URL(t), "memory": "memory://"} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(context.Background())
			c, err := queue.Config{Namespace: redistest.Prefix(t)}.Open(ctx, url)
			if err != nil {
				t.Fatal(err)
			}
			w, err := worker.New(c, worker.Config{Queues: map[string]int{"sms": 1, "cb": 3}, Concurrency: 16})
			if err != nil {
				t.Fatal(err)
			}
			s, err := scheduler.New(c, scheduler.Config{})
			if err != nil {
				t.Fatal(err)
			}
			var n atomic.Int64
			var late atomic.Int64
			w.Handle("a", worker.HandlerFunc(func(ctx context.Context, d *queue.Delivery) error {
				n.Add(1)
				late.Add(int64(d.Lateness()))
				if d.Attempt == 1 {
					return worker.RetryIn(100*time.Millisecond, errors.New("first"))
				}
				return nil
			}))
			done := make(chan error, 2)
			go func() { done <- w.Run(ctx) }()
			go func() { done <- s.Run(ctx) }()
			for i := range 100 {
				if _, err := c.Enqueue(ctx, queue.Job{Queue: []string{"sms", "cb"}[i%2], Kind: "a", Delay: time.Duration(i) * 5 * time.Millisecond}); err != nil {
					t.Fatal(err)
				}
			}
			redistest.Eventually(t, 10*time.Second, func() bool { return w.Stats().Done == 100 })
			t.Log(n.Load(), time.Duration(late.Load()/n.Load()), w.Stats(), s.Stats())
			stop := time.Now()
			cancel()
			t.Log(<-done, <-done, time.Since(stop))
		})
	}
}
