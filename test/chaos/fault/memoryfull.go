package fault

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/dueq-io/dueq/queue"
	"github.com/dueq-io/dueq/test/chaos/checker"
	"github.com/dueq-io/dueq/test/chaos/load"
	"github.com/dueq-io/dueq/test/chaos/node"
)

var memoryFull = Row{
	Name:  "memory-full",
	Bar:   "64 MB under a flood: ErrRedisFull, workers drain it to empty, producers go on, 0 lost",
	Break: fillMemory,
}

func fillMemory(ctx context.Context, r *Run) (err error) {
	const payload = 4 << 10 // 64 MB hold some 14,000 of these
	jobs := r.Size(30_000, 100_000)
	s, err := open(ctx, r, node.Config{MaxMemory: "64mb"})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	producer, err := s.Producer(load.ProducerConfig{
		Jobs: uint32(jobs), Goroutines: 64, Payload: payload,
		// What is done keeps no memory: by default it would for a minute, and the flood would wait for that.
		Retain: -1,
	})
	if err != nil {
		return err
	}
	refused, err := s.awaitFull(ctx)
	if err != nil {
		return err
	}
	r.Require(errors.Is(refused, queue.ErrRedisFull), "a full Redis answered %v", refused)
	held := s.redis.Client().HLen(ctx, "dueq:{chaos}:jobs").Val()
	r.Say("full with %d jobs: %v", held, refused)
	// No worker ran so far: what starts now has to lease from a full Redis.
	if _, err := s.workers(2, load.WorkerConfig{Concurrency: 64}); err != nil {
		return err
	}
	report, err := s.judge(ctx, checker.Options{}, producer)
	if err != nil {
		return err
	}
	r.soundly(report, jobs)
	r.Figure("full at %d jobs", held)
	r.Show(held < int64(jobs), "the flood fitted")
	return nil
}

// awaitFull enqueues beside the flood until Redis refuses, and returns the refusal.
func (s *stage) awaitFull(ctx context.Context) (refused error, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, drainWithin, fmt.Errorf("not full within %v", drainWithin))
	defer cancel()
	client, err := queue.Config{Retries: -1}.Open(ctx, s.URL)
	if err != nil {
		return nil, err
	}
	defer client.Close()
	for n := 0; refused == nil; n++ {
		if err := wait(ctx, 5*time.Millisecond); err != nil {
			return nil, err
		}
		_, refused = client.Enqueue(ctx, queue.Job{
			Queue: "probe", Kind: load.KindWork, ID: strconv.Itoa(n), Payload: make([]byte, 100),
		})
	}
	return refused, nil
}
