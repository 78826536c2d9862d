package queue

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"
)

// Pause keeps workers from leasing jobs of a queue until Resume. Jobs that run go on; producers are
// served.
func (in *Inspector) Pause(ctx context.Context, queue string) error {
	return in.set(ctx, queue, "paused", strconv.FormatInt(time.Now().UnixMilli(), 10))
}

// Resume ends a Pause and wakes a worker.
func (in *Inspector) Resume(ctx context.Context, queue string) error {
	if err := in.set(ctx, queue, "paused", ""); err != nil {
		return err
	}
	// A full Redis takes no hint, but has to be drained: workers also look by themselves.
	if err := in.c.Broker().WakeReady(ctx, queue); !errors.Is(err, ErrRedisFull) {
		return err
	}
	return nil
}

// CloseIntake lets Enqueue answer ErrIntakeClosed until OpenIntake. Jobs that are there go on.
func (in *Inspector) CloseIntake(ctx context.Context, queue string) error {
	return in.set(ctx, queue, "closed", strconv.FormatInt(time.Now().UnixMilli(), 10))
}

// OpenIntake ends a CloseIntake.
func (in *Inspector) OpenIntake(ctx context.Context, queue string) error {
	return in.set(ctx, queue, "closed", "")
}

// SetMaxLen limits a queue to n jobs, those dead and done aside, above which Enqueue answers
// ErrQueueFull. 0 takes the limit away.
func (in *Inspector) SetMaxLen(ctx context.Context, queue string, n int64) error {
	if n < 0 {
		return fmt.Errorf("%w: length %d: want 0 or more", ErrInvalid, n)
	}
	if n == 0 {
		return in.set(ctx, queue, "max_len", "")
	}
	return in.set(ctx, queue, "max_len", strconv.FormatInt(n, 10))
}

// set writes a switch of the queue, or removes it when value is empty.
func (in *Inspector) set(ctx context.Context, queue, field, value string) error {
	if err := checkQueue(queue); err != nil {
		return err
	}
	meta := in.c.lineOf(queue).shard.keys["meta"]
	err := in.c.retrying(ctx, func() error {
		if value == "" {
			return in.c.rdb.HDel(ctx, meta, field).Err()
		}
		return in.c.rdb.HSet(ctx, meta, field, value).Err()
	})
	if err == nil {
		// Afterwards, and whatever this client knows: somebody may be deleting the queue.
		err = in.name(ctx, queue)
		if value == "" && errors.Is(err, ErrRedisFull) {
			err = nil // which is to be drained, and has no room for a name
		}
	}
	if err != nil {
		return fmt.Errorf("set %s of queue %s: %w", field, queue, err)
	}
	return nil
}

// Requeue makes a dead or done job ready again, with its counts reset. It returns ErrNotFound, or
// ErrNotEnded for a job that is neither.
func (in *Inspector) Requeue(ctx context.Context, queue, id string) error {
	return in.c.act(ctx, requeueScript, queue, id, anywhere)
}
