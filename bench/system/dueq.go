package system

import (
	"context"
	"errors"
	"log/slog"

	"golang.org/x/sync/errgroup"

	"github.com/dueq-io/dueq/queue"
	"github.com/dueq-io/dueq/scheduler"
	"github.com/dueq-io/dueq/worker"
)

const dueqKind = "bench"

// dueqSystem is dueq with everything at its defaults and no logging.
type dueqSystem struct {
	client *queue.Client
}

func openDueq(ctx context.Context, addr string) (System, error) {
	client, err := queue.Config{Logger: slog.New(slog.DiscardHandler)}.Open(ctx, "redis://"+addr+"/0")
	if err != nil {
		return nil, err
	}
	return &dueqSystem{client: client}, nil
}

func (s *dueqSystem) Enqueue(ctx context.Context, job Job) error {
	_, err := s.client.Enqueue(ctx, dueqJob(job))
	return err
}

func (s *dueqSystem) EnqueueMany(ctx context.Context, jobs []Job) error {
	all := make([]queue.Job, len(jobs))
	for i, job := range jobs {
		all[i] = dueqJob(job)
	}
	_, err := s.client.EnqueueMany(ctx, all)
	return err
}

func dueqJob(job Job) queue.Job {
	return queue.Job{Queue: job.Queue, Kind: dueqKind, Payload: job.Payload, Due: job.Due}
}

// Process runs a worker and a scheduler in this process, as a service that does both would.
func (s *dueqSystem) Process(ctx context.Context, p Processing) (func() error, error) {
	silent := slog.New(slog.DiscardHandler)
	queues := make(map[string]int, len(p.Queues))
	for _, name := range p.Queues {
		queues[name] = 1
	}
	w, err := worker.New(s.client, worker.Config{
		Queues: queues, Concurrency: p.Concurrency, Lease: p.Lease, Logger: silent,
	})
	if err != nil {
		return nil, err
	}
	w.Handle(dueqKind, worker.HandlerFunc(func(ctx context.Context, d *queue.Delivery) error {
		p.Handle(ctx, Run{Payload: d.Payload, Failures: d.Failures})
		return nil
	}))
	mover, err := scheduler.New(s.client, scheduler.Config{Logger: silent})
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return w.Run(ctx) })
	group.Go(func() error { return mover.Run(ctx) })
	return func() error {
		cancel()
		return group.Wait()
	}, nil
}

func (s *dueqSystem) Unsettled(ctx context.Context, name string) (int64, error) {
	info, err := s.client.Inspector().Queue(ctx, name)
	if err != nil {
		return 0, err
	}
	if info.Dead > 0 {
		return 0, errors.New("a job is dead that no handler failed")
	}
	return info.Ready + info.Leased + info.Retrying, nil
}

func (s *dueqSystem) Close() error { return s.client.Close() }
