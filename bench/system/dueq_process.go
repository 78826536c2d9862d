//go:build dueq

package system

import (
	"context"
	"log/slog"

	"golang.org/x/sync/errgroup"

	"github.com/dueq-io/dueq/queue"
	"github.com/dueq-io/dueq/scheduler"
	"github.com/dueq-io/dueq/worker"
)

// startDueq runs a worker and a scheduler in this process, as a service that does both would.
func startDueq(ctx context.Context, client *queue.Client, p Processing) (func() error, error) {
	silent := slog.New(slog.DiscardHandler)
	queues := make(map[string]int, len(p.Queues))
	for _, name := range p.Queues {
		queues[name] = 1
	}
	w, err := worker.New(client, worker.Config{
		Queues: queues, Concurrency: p.Concurrency, Lease: p.Lease, Logger: silent,
	})
	if err != nil {
		return nil, err
	}
	w.Handle(dueqKind, worker.HandlerFunc(func(ctx context.Context, d *queue.Delivery) error {
		p.Handle(ctx, Run{Payload: d.Payload, Failures: d.Failures})
		return nil
	}))
	s, err := scheduler.New(client, scheduler.Config{Logger: silent})
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return w.Run(ctx) })
	group.Go(func() error { return s.Run(ctx) })
	return func() error {
		cancel()
		return group.Wait()
	}, nil
}
