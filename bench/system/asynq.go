package system

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"
)

const (
	// asynqConnections lifts go-redis's default of ten per CPU, which on a small machine makes 64 callers wait for
	// a connection; more than this measured no faster.
	asynqConnections = 64
	asynqKind        = "bench"
)

// asynqSystem is asynq with retries, timeout and retention at their defaults and no logging.
type asynqSystem struct {
	addr   string
	poll   time.Duration
	client *asynq.Client
	probe  *redis.Client
}

// openAsynq makes an opener; poll replaces both polling intervals, zero leaves asynq's defaults.
func openAsynq(poll time.Duration) Opener {
	return func(_ context.Context, addr string) (System, error) {
		return &asynqSystem{
			addr:   addr,
			poll:   poll,
			client: asynq.NewClient(asynqRedis(addr)),
			probe:  redis.NewClient(&redis.Options{Addr: addr}),
		}, nil
	}
}

func asynqRedis(addr string) asynq.RedisClientOpt {
	return asynq.RedisClientOpt{Addr: addr, PoolSize: asynqConnections}
}

func (s *asynqSystem) Enqueue(ctx context.Context, job Job) error {
	options := []asynq.Option{asynq.Queue(job.Queue)}
	if !job.Due.IsZero() {
		options = append(options, asynq.ProcessAt(job.Due))
	}
	_, err := s.client.EnqueueContext(ctx, asynq.NewTask(asynqKind, job.Payload), options...)
	return err
}

// EnqueueMany is refused: asynq v0.26 offers only single calls to the public.
func (s *asynqSystem) EnqueueMany(context.Context, []Job) error {
	return errors.ErrUnsupported
}

func (s *asynqSystem) Process(_ context.Context, p Processing) (func() error, error) {
	queues := make(map[string]int, len(p.Queues))
	for _, name := range p.Queues {
		queues[name] = 1
	}
	server := asynq.NewServer(asynqRedis(s.addr), asynq.Config{
		Concurrency:              p.Concurrency,
		Queues:                   queues,
		TaskCheckInterval:        s.poll,
		DelayedTaskCheckInterval: s.poll,
		Logger:                   silence{},
		LogLevel:                 asynq.FatalLevel,
	})
	handler := func(ctx context.Context, task *asynq.Task) error {
		failures, _ := asynq.GetRetryCount(ctx)
		p.Handle(ctx, Run{Payload: task.Payload(), Failures: failures})
		return nil
	}
	if err := server.Start(asynq.HandlerFunc(handler)); err != nil {
		return nil, fmt.Errorf("start asynq: %w", err)
	}
	return func() error {
		server.Shutdown()
		return nil
	}, nil
}

func (s *asynqSystem) Unsettled(ctx context.Context, queue string) (int64, error) {
	pipe := s.probe.Pipeline()
	pending := pipe.LLen(ctx, "asynq:{"+queue+"}:pending")
	active := pipe.LLen(ctx, "asynq:{"+queue+"}:active")
	if _, err := pipe.Exec(ctx); err != nil {
		return 0, err
	}
	return pending.Val() + active.Val(), nil
}

func (s *asynqSystem) Close() error {
	return errors.Join(s.client.Close(), s.probe.Close())
}

// silence is asynq's Logger saying nothing: it reports each start and stop, several lines a measurement.
type silence struct{}

func (silence) Debug(...any) {}
func (silence) Info(...any)  {}
func (silence) Warn(...any)  {}
func (silence) Error(...any) {}
func (silence) Fatal(...any) {}
