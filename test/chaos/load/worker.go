package load

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/dueq-io/dueq/queue"
	"github.com/dueq-io/dueq/scheduler"
	"github.com/dueq-io/dueq/test/chaos/history"
	"github.com/dueq-io/dueq/worker"
)

// markFor is how long Redis keeps the note of an accepted completion: longer than any run.
const markFor = 2 * time.Hour

// work runs the schedulers of the process at the first client, and a worker at each.
func (s *settings) work(ctx context.Context, client *queue.Client, seen *history.Writer) error {
	cfg := s.Worker.withDefaults()
	go census(ctx, seen)
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return s.workAt(ctx, client, seen, &cfg) })
	for range cfg.Clients - 1 {
		group.Go(func() error {
			client, err := s.open(ctx, seen)
			if err != nil {
				return err
			}
			return errors.Join(s.workAt(ctx, client, seen, &cfg), client.Close())
		})
	}
	for range max(cfg.Schedulers, 0) {
		moving, err := scheduler.New(client, scheduler.Config{
			Queues: []string{s.Queue}, Grace: cfg.ReapGrace, PurgeEvery: 5 * time.Second,
		})
		if err != nil {
			return err
		}
		group.Go(func() error { return moving.Run(ctx) })
	}
	return group.Wait()
}

func (s *settings) workAt(ctx context.Context, client *queue.Client, seen *history.Writer, cfg *WorkerConfig) error {
	w, err := worker.New(client, worker.Config{
		Queues: map[string]int{s.Queue: 1}, Concurrency: cfg.Concurrency, Lease: s.Lease, Grace: cfg.Grace,
		MaxRuntime: cfg.MaxRuntime, Backoff: queue.Constant(100 * time.Millisecond),
	})
	if err != nil {
		return err
	}
	w.Handle(KindWork, noted(seen, cfg.sleep))
	w.Handle(KindExit, noted(seen, func(context.Context) error { os.Exit(3); return nil }))
	w.Handle(KindSpin, noted(seen, func(context.Context) error { select {} }))
	return w.Run(ctx)
}

// sleep is the work of a job.
func (c *WorkerConfig) sleep(ctx context.Context) error {
	done := time.NewTimer(c.AtLeast + rand.N(2*c.RunFor+1))
	defer done.Stop()
	select {
	case <-done.C:
		return nil
	case <-ctx.Done():
		if c.Stubborn == 0 {
			return context.Cause(ctx)
		}
	}
	on := time.NewTimer(c.Stubborn)
	defer on.Stop()
	select {
	case <-done.C:
	case <-on.C:
	}
	return nil
}

// noted is a handler that writes down what it does, and has Redis note under which token it accepts
// the completion.
func noted(seen *history.Writer, run func(context.Context) error) worker.Handler {
	return worker.HandlerFunc(func(ctx context.Context, d *queue.Delivery) error {
		seq, ok := seqOf(d.ID)
		if !ok {
			return worker.Dead(fmt.Errorf("id %q is not one of a producer's", d.ID))
		}
		add := func(what history.Type, aux int64) {
			seen.Add(history.Record{
				Type: what, Seq: seq, Token: d.Token, Aux: int32(aux), Attempt: uint8(min(d.Attempt, math.MaxUint8)),
			})
		}
		add(history.Started, d.Lateness().Milliseconds())
		if !bytes.Equal(d.Payload, payloadOf(seq, len(d.Payload))) {
			add(history.PayloadChanged, 0)
		}
		over := context.AfterFunc(ctx, func() { add(history.ContextEnded, 0) })
		defer over()
		d.Mark(markOf(seq, d.Token), markFor)
		err := run(ctx)
		if err != nil {
			add(history.EndedError, 0)
			return err
		}
		add(history.EndedOK, 0)
		return nil
	})
}
