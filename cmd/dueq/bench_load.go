package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/dueq-io/dueq/queue"
	"github.com/dueq-io/dueq/worker"
)

// benchmark is the load of dueq bench.
type benchmark struct {
	*benchOptions
	client   *queue.Client
	progress *progress
}

const (
	backlog   = "backlog"
	flow      = "flow"
	benchKind = "bench"
	// numberBytes at the front of a payload say which job it is.
	numberBytes = 8
	// showEach keeps what is shown from being measured.
	showEach = 256
)

func (b *benchmark) all(ctx context.Context) ([]benchResult, error) {
	var out []benchResult
	for _, scenario := range []func(context.Context) (benchResult, error){b.fill, b.drain, b.both} {
		result, err := scenario(ctx)
		if err != nil {
			return nil, err
		}
		out = append(out, result)
	}
	return out, nil
}

// fill enqueues from many callers, one job a call.
func (b *benchmark) fill(ctx context.Context) (benchResult, error) {
	began := time.Now()
	calls, err := b.enqueue(ctx, backlog, func(int) {})
	return b.result("enqueue", time.Since(began), calls), err
}

// drain processes what fill has left.
func (b *benchmark) drain(ctx context.Context) (benchResult, error) {
	began := time.Now()
	done, err := b.process(ctx, backlog, func(*queue.Delivery) {})
	if err != nil {
		return benchResult{}, err
	}
	err = b.await(ctx, "processed", done)
	return b.result("process", time.Since(began), nil), err
}

// both enqueues and processes at once.
func (b *benchmark) both(ctx context.Context) (benchResult, error) {
	// Nanoseconds since began: the handler of a job reads what its caller wrote, with nothing between them
	// but Redis.
	sent, waits := make([]atomic.Int64, b.jobs), make([]time.Duration, b.jobs)
	began := time.Now()
	done, err := b.process(ctx, flow, func(d *queue.Delivery) {
		if len(d.Payload) >= numberBytes {
			i := binary.BigEndian.Uint64(d.Payload)
			waits[i] = time.Since(began) - time.Duration(sent[i].Load())
		}
	})
	if err != nil {
		return benchResult{}, err
	}
	if _, err := b.enqueue(ctx, flow, func(i int) { sent[i].Store(int64(time.Since(began))) }); err != nil {
		return benchResult{}, errors.Join(err, done.end())
	}
	err = b.await(ctx, "processed", done)
	took := time.Since(began)
	if b.payload < numberBytes {
		waits = nil
	}
	return b.result("both at once", took, waits), err
}

func (b *benchmark) result(scenario string, took time.Duration, samples []time.Duration) benchResult {
	r := benchResult{Scenario: scenario, Jobs: b.jobs, JobsPerSec: math.Round(float64(b.jobs) / took.Seconds())}
	r.P50MS, r.P99MS = percentiles(samples)
	return r
}

// enqueue has the callers enqueue all jobs, and says so before each call. It returns the time of each.
func (b *benchmark) enqueue(ctx context.Context, name string, before func(i int)) ([]time.Duration, error) {
	calls := make([]time.Duration, b.jobs)
	var next atomic.Int64
	group, ctx := errgroup.WithContext(ctx)
	for range b.concurrency {
		group.Go(func() error {
			for i := int(next.Add(1)) - 1; i < b.jobs; i = int(next.Add(1)) - 1 {
				payload := make([]byte, b.payload)
				if b.payload >= numberBytes {
					binary.BigEndian.PutUint64(payload, uint64(i))
				}
				before(i)
				start := time.Now()
				if _, err := b.client.Enqueue(ctx, queue.Job{Queue: name, Kind: benchKind, Payload: payload}); err != nil {
					return err
				}
				calls[i] = time.Since(start)
				if i%showEach == 0 {
					b.progress.show("enqueued %d of %d", i, b.jobs)
				}
			}
			return nil
		})
	}
	return calls, group.Wait()
}

// processing is a worker that says when all jobs have run.
type processing struct {
	count atomic.Int64
	all   chan struct{}
	stop  context.CancelFunc
	ended chan error
}

// process starts a worker.
func (b *benchmark) process(ctx context.Context, name string, handle func(d *queue.Delivery)) (*processing, error) {
	w, err := worker.New(b.client, worker.Config{Queues: map[string]int{name: 1}, Concurrency: b.concurrency, Logger: quiet()})
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(ctx)
	p := &processing{all: make(chan struct{}), stop: stop, ended: make(chan error, 1)}
	w.Handle(benchKind, worker.HandlerFunc(func(_ context.Context, d *queue.Delivery) error {
		handle(d)
		if p.count.Add(1) == int64(b.jobs) {
			close(p.all)
		}
		return nil
	}))
	go func() { p.ended <- w.Run(ctx) }()
	return p, nil
}

// stallTime is how long no job at all may run before the server is taken for broken.
const stallTime = 30 * time.Second

// end stops the worker and waits until it has settled what it ran.
func (p *processing) end() error {
	p.stop()
	return <-p.ended
}

// await waits until all jobs have run, and ends the worker.
func (b *benchmark) await(ctx context.Context, word string, p *processing) error {
	tick := time.NewTicker(progressEvery)
	defer tick.Stop()
	before, since := int64(-1), time.Now()
	for {
		select {
		case <-p.all:
			return p.end()
		case <-ctx.Done():
			return errors.Join(errors.New("interrupted"), p.end())
		case <-tick.C:
		}
		now := p.count.Load()
		if now != before {
			before, since = now, time.Now()
		} else if time.Since(since) > stallTime {
			_ = p.end()
			return fmt.Errorf("no job has run for %v: %d of %d were %s", stallTime, now, b.jobs, word)
		}
		b.progress.show("%s %d of %d", word, now, b.jobs)
	}
}

const (
	median      = 0.5
	ninetyNinth = 0.99
)

// quantiles are the nearest-rank quantiles of samples, which it sorts.
func quantiles(samples []time.Duration, at ...float64) []time.Duration {
	slices.Sort(samples)
	out := make([]time.Duration, len(at))
	for i, q := range at {
		rank := int(math.Ceil(q * float64(len(samples))))
		out[i] = samples[min(max(rank, 1), len(samples))-1]
	}
	return out
}
