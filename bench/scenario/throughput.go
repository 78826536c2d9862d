package scenario

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/dueq-io/dueq/bench/floor"
	"github.com/dueq-io/dueq/bench/system"
)

// enqueueBy measures single calls from so many callers.
func enqueueBy(callers int) func(context.Context, *Env) ([]Metric, error) {
	name := fmt.Sprintf("enqueue_%d", callers)
	return func(ctx context.Context, e *Env) (m []Metric, err error) {
		n := e.size(200_000, 60_000)
		if callers < 64 {
			n = e.size(15_000*min(callers, 4), 10_000*min(callers, 4))
		}
		if e.isFloor() {
			return rawTime(ctx, e, name, n, floor.ForEnqueue, rawProduce)
		}
		sys, err := e.open(ctx)
		if err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, sys.Close()) }()
		// The first calls dial the connections and load the scripts.
		if err := enqueueFrom(ctx, sys, callers, 10*callers, atOnce()); err != nil {
			return nil, err
		}
		start := time.Now()
		if err := enqueueFrom(ctx, sys, callers, n, atOnce()); err != nil {
			return nil, err
		}
		return perSecond(name, n, time.Since(start)), nil
	}
}

func enqueueBulk(ctx context.Context, e *Env) (m []Metric, err error) {
	n := e.size(200_000, 60_000)
	sys, err := e.open(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, sys.Close()) }()
	if err := enqueueInBulk(ctx, sys, bulk, atOnce()); err != nil {
		return nil, err
	}
	start := time.Now()
	if err := enqueueInBulk(ctx, sys, n, atOnce()); err != nil {
		return nil, err
	}
	return perSecond("enqueue_bulk", n, time.Since(start)), nil
}

// process measures from the start of the workers to the last acknowledgement of a backlog.
func process(ctx context.Context, e *Env) (m []Metric, err error) {
	n := e.size(100_000, 20_000)
	if e.isFloor() {
		return rawProcess(ctx, e, n)
	}
	sys, err := e.open(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, sys.Close()) }()
	if err := preload(ctx, sys, n, atOnce()); err != nil {
		return nil, err
	}
	count := newTally(n)
	start := time.Now()
	stop, err := sys.Process(ctx, counting(count))
	if err != nil {
		return nil, err
	}
	err = count.settled(ctx, sys)
	took := time.Since(start)
	return perSecond("process", n, took), errors.Join(err, stop())
}

// both measures jobs end to end while as many producers as handlers work on one queue.
func both(name string, swift, slow int) func(context.Context, *Env) ([]Metric, error) {
	return func(ctx context.Context, e *Env) (m []Metric, err error) {
		n := e.size(swift, slow)
		if e.isFloor() {
			return rawTime(ctx, e, name, n, floor.ForBoth, rawBoth)
		}
		sys, err := e.open(ctx)
		if err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, sys.Close()) }()
		count := newTally(n)
		stop, err := sys.Process(ctx, counting(count))
		if err != nil {
			return nil, err
		}
		start := time.Now()
		err = enqueueFrom(ctx, sys, concurrency, n, atOnce())
		if err == nil {
			err = count.settled(ctx, sys)
		}
		took := time.Since(start)
		return perSecond(name, n, took), errors.Join(err, stop())
	}
}

func counting(count *tally) system.Processing {
	return system.Processing{
		Queues:      []string{queueName},
		Concurrency: concurrency,
		Handle:      func(context.Context, system.Run) { count.add() },
	}
}

// rawTime times one raw move of n jobs.
func rawTime(
	ctx context.Context, e *Env, name string, n int, shape floor.Shape, move func(context.Context, *floor.Queue, int) error,
) (m []Metric, err error) {
	raw := openFloor(e, shape)
	defer func() { err = errors.Join(err, raw.Close()) }()
	start := time.Now()
	if err := move(ctx, raw, n); err != nil {
		return nil, err
	}
	return perSecond(name, n, time.Since(start)), nil
}

func rawProcess(ctx context.Context, e *Env, n int) (m []Metric, err error) {
	raw := openFloor(e, floor.ForProcess)
	defer func() { err = errors.Join(err, raw.Close()) }()
	if err := raw.Produce(ctx, n); err != nil {
		return nil, err
	}
	start := time.Now()
	if err := raw.Consume(ctx, n); err != nil {
		return nil, err
	}
	return perSecond("process", n, time.Since(start)), nil
}

func rawProduce(ctx context.Context, raw *floor.Queue, n int) error { return raw.Produce(ctx, n) }

func rawBoth(ctx context.Context, raw *floor.Queue, n int) error {
	produced := make(chan error, 1)
	go func() { produced <- raw.Produce(ctx, n) }()
	consumed := raw.Consume(ctx, n)
	return errors.Join(consumed, <-produced)
}

func openFloor(e *Env, shape floor.Shape) *floor.Queue {
	if e.System == FloorDeep {
		shape = floor.Deep
	}
	return floor.Open(e.Server.Addr, payloadBytes, shape)
}
