package scenario

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/dueq-io/dueq/bench/system"
)

// smallPayload is what the jobs carry that only wait.
const smallPayload = 100

// lateness measures start minus due, for jobs due one by one while a crowd waits far behind them.
func lateness(ctx context.Context, e *Env) (m []Metric, err error) {
	behind, n, spread := 1_000_000, 10_000, 5*time.Second
	if e.Quick {
		behind, n, spread = 20_000, 1_000, time.Second
	}
	sys, err := e.open(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, sys.Close()) }()
	if err := preload(ctx, sys, behind, farOff(time.Now())); err != nil {
		return nil, err
	}
	late := &lates{count: newTally(n)}
	stop, err := sys.Process(ctx, system.Processing{
		Queues: []string{queueName}, Concurrency: concurrency, Handle: late.handle,
	})
	if err != nil {
		return nil, err
	}
	err = late.run(ctx, sys, n, spread)
	if err := errors.Join(err, stop()); err != nil {
		return nil, err
	}
	return late.metrics(), nil
}

// farOff makes jobs that stay delayed for as long as any measurement lasts.
func farOff(from time.Time) func(int) system.Job {
	first := from.Add(time.Hour).Truncate(time.Millisecond)
	payload := make([]byte, smallPayload)
	return func(i int) system.Job {
		return system.Job{Queue: queueName, Payload: payload, Due: first.Add(time.Duration(i) * time.Millisecond)}
	}
}

// dueAt makes a job that carries its due time, for the handler to compare.
func dueAt(due time.Time, bytes int) system.Job {
	payload := make([]byte, bytes)
	binary.BigEndian.PutUint64(payload, uint64(due.UnixMilli()))
	return system.Job{Queue: queueName, Payload: payload, Due: time.UnixMilli(due.UnixMilli())}
}

// lates gathers how late each job started.
type lates struct {
	count *tally
	mu    sync.Mutex
	ms    []float64
}

func (l *lates) handle(_ context.Context, run system.Run) {
	due := time.UnixMilli(int64(binary.BigEndian.Uint64(run.Payload)))
	ms := float64(time.Since(due).Nanoseconds()) / 1e6
	l.mu.Lock()
	l.ms = append(l.ms, ms)
	l.mu.Unlock()
	l.count.add()
}

func (l *lates) run(ctx context.Context, sys system.System, n int, spread time.Duration) error {
	// All are in before the first is due: what is measured is the promoting, not the enqueueing.
	first := time.Now().Add(2 * time.Second)
	err := enqueueFrom(ctx, sys, concurrency, n, func(i int) system.Job {
		return dueAt(first.Add(spread*time.Duration(i)/time.Duration(n)), payloadBytes)
	})
	if err != nil {
		return err
	}
	if time.Now().After(first) {
		return errors.New("the machine is too busy: the first job was due before the last was enqueued")
	}
	return l.count.settled(ctx, sys)
}

func (l *lates) metrics() []Metric {
	l.mu.Lock()
	defer l.mu.Unlock()
	early := 0
	for _, ms := range l.ms {
		if ms < 0 {
			early++
		}
	}
	return []Metric{
		{Name: "lateness_p50", Value: percentile(l.ms, 50), Unit: "ms"},
		{Name: "lateness_p99", Value: percentile(l.ms, 99), Unit: "ms"},
		{Name: "lateness_early", Value: float64(early), Unit: "jobs", worst: true},
	}
}

// pickup measures from before Enqueue to the start of the handler, one job at a time.
func pickup(ctx context.Context, e *Env) (m []Metric, err error) {
	samples := 50
	if e.Quick {
		samples = 5
	}
	sys, err := e.open(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, sys.Close()) }()
	started := make(chan time.Time, 1)
	stop, err := sys.Process(ctx, system.Processing{
		Queues: []string{queueName}, Concurrency: concurrency,
		Handle: func(context.Context, system.Run) { started <- time.Now() },
	})
	if err != nil {
		return nil, err
	}
	ms, err := pickups(ctx, e, sys, samples, started)
	if err := errors.Join(err, stop()); err != nil {
		return nil, err
	}
	return []Metric{{Name: "pickup_p50", Value: percentile(ms, 50), Unit: "ms"}}, nil
}

func pickups(ctx context.Context, e *Env, sys system.System, n int, started <-chan time.Time) ([]float64, error) {
	// A job that always came right after the last would meet a poller at the worst moment of its period: jobs
	// come at any moment of it. asynq's default period is a second.
	spread := 200 * time.Millisecond
	if e.System == system.Asynq {
		spread = time.Second
	}
	var ms []float64
	for range n {
		if err := pause(ctx, 20*time.Millisecond+rand.N(spread)); err != nil {
			return nil, err
		}
		before := time.Now()
		if err := sys.Enqueue(ctx, system.Job{Queue: queueName, Payload: make([]byte, payloadBytes)}); err != nil {
			return nil, err
		}
		select {
		case at := <-started:
			ms = append(ms, float64(at.Sub(before).Nanoseconds())/1e6)
		case <-ctx.Done():
			return nil, fmt.Errorf("picked up %d of %d: %w", len(ms), n, ctx.Err())
		}
	}
	return ms, nil
}
