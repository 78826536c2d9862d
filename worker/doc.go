// Package worker runs the jobs of queues: it leases them, runs their handlers and settles the results.
//
//	package main
//
//	import (
//		"context"
//		"log"
//		"os/signal"
//		"syscall"
//
//		"github.com/dueq-io/dueq/queue"
//		"github.com/dueq-io/dueq/scheduler"
//		"github.com/dueq-io/dueq/worker"
//		"golang.org/x/sync/errgroup"
//	)
//
//	type SMS struct{ To, Text string }
//
//	func main() {
//		ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
//		defer stop()
//		client, err := queue.Open(ctx, "redis://localhost:6379/0")
//		if err != nil {
//			log.Fatal(err)
//		}
//		w, err := worker.New(client, worker.Config{Queues: map[string]int{"sms": 1}, Concurrency: 64})
//		if err != nil {
//			log.Fatal(err)
//		}
//		worker.HandleJSON(w, "sms.send", func(ctx context.Context, d *queue.Delivery, sms SMS) error {
//			log.Printf("to %s: %s", sms.To, sms.Text)
//			return nil
//		})
//		s, err := scheduler.New(client, scheduler.Config{})
//		if err != nil {
//			log.Fatal(err)
//		}
//		group, ctx := errgroup.WithContext(ctx)
//		group.Go(func() error { return w.Run(ctx) })
//		group.Go(func() error { return s.Run(ctx) })
//		if err := group.Wait(); err != nil {
//			log.Fatal(err)
//		}
//	}
//
// A worker needs a scheduler somewhere, in this process or another: it makes due jobs ready and takes
// jobs back from workers that were lost.
//
// A job is leased to one worker at a time. A heartbeat keeps the leases of running jobs; when one is
// lost, the context of its handler ends with queue.ErrLeaseLost, and what the handler returns is refused
// by Redis. A slot is free again only when its handler has returned. No job is leased before there is a
// free slot for it, so nothing waits in the memory of one process that another could run.
package worker
