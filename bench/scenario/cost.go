package scenario

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/dueq-io/dueq/bench/system"
)

// memory measures what one waiting job costs Redis.
func memory(ctx context.Context, e *Env) (m []Metric, err error) {
	n := 1_000_000
	if e.Quick {
		n = 50_000
	}
	sys, err := e.open(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, sys.Close()) }()
	before, err := e.Server.Info(ctx, "memory", "used_memory")
	if err != nil {
		return nil, err
	}
	if err := preload(ctx, sys, n, farOff(time.Now())); err != nil {
		return nil, err
	}
	after, err := e.Server.Info(ctx, "memory", "used_memory")
	if err != nil {
		return nil, err
	}
	return []Metric{{Name: "memory", Value: float64(after-before) / float64(n), Unit: "bytes"}}, nil
}

// idle measures what a process that has nothing to do asks of Redis.
func idle(ctx context.Context, e *Env) (m []Metric, err error) {
	settle, window := 3*time.Second, 10*time.Second
	if e.Quick {
		settle, window = time.Second, 3*time.Second
	}
	sys, err := e.open(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, sys.Close()) }()
	var queues []string
	for i := range 10 {
		queues = append(queues, fmt.Sprintf("idle%d", i))
	}
	if err := delayInEach(ctx, sys, queues); err != nil {
		return nil, err
	}
	stop, err := sys.Process(ctx, system.Processing{
		Queues: queues, Concurrency: concurrency, Handle: func(context.Context, system.Run) {},
	})
	if err != nil {
		return nil, err
	}
	// Starting up is not idling.
	var perSecond float64
	if err = pause(ctx, settle); err == nil {
		perSecond, err = commandsPerSecond(ctx, e, window)
	}
	if err := errors.Join(err, stop()); err != nil {
		return nil, err
	}
	return []Metric{{Name: "idle", Value: perSecond, Unit: "commands/s"}}, nil
}

func delayInEach(ctx context.Context, sys system.System, queues []string) error {
	job := farOff(time.Now())
	for _, queue := range queues {
		for i := range 5 {
			delayed := job(i)
			delayed.Queue = queue
			if err := sys.Enqueue(ctx, delayed); err != nil {
				return err
			}
		}
	}
	return nil
}

// commandsPerSecond counts as Redis does, which includes the commands that scripts call.
func commandsPerSecond(ctx context.Context, e *Env, window time.Duration) (float64, error) {
	before, err := e.Server.Info(ctx, "stats", "total_commands_processed")
	if err != nil {
		return 0, err
	}
	start := time.Now()
	if err := pause(ctx, window); err != nil {
		return 0, err
	}
	after, err := e.Server.Info(ctx, "stats", "total_commands_processed")
	if err != nil {
		return 0, err
	}
	// The first INFO is in the difference; the second has not been counted when it answers.
	return float64(after-before-1) / time.Since(start).Seconds(), nil
}
