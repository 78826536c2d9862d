package system

import (
	"context"
	"errors"
	"log/slog"

	"github.com/dueq-io/dueq/queue"
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

func (s *dueqSystem) Process(ctx context.Context, p Processing) (func() error, error) {
	return startDueq(ctx, s.client, p)
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
