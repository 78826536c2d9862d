package queue

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

// MaxProgressBytes is the largest value of a progress.
const MaxProgressBytes = 4 << 10

// stopMark is what AskStop writes.
const stopMark = "stop"

// SetProgress notes how far something has come that takes long, for whoever asks for it by Progress, and
// keeps it for that long, 1 ms at least. stop says that somebody has asked for it to be stopped. It
// returns ErrInvalid, ErrRedisFull, ErrUnavailable or ErrUnknown; stop is right with ErrRedisFull too.
func (d *Desk) SetProgress(ctx context.Context, id string, value []byte, keep time.Duration) (stop bool, err error) {
	if err := checkSession(id); err != nil {
		return false, err
	}
	if len(value) > MaxProgressBytes || keep < time.Millisecond {
		return false, fmt.Errorf("%w: progress of %d bytes for %v: want at most %d bytes, for 1ms or more", ErrInvalid, len(value), keep, MaxProgressBytes)
	}
	pipe := d.c.rdb.Pipeline()
	asked := pipe.Get(ctx, stopKey(d.c.cfg.Namespace, id))
	pipe.Set(ctx, progressKey(d.c.cfg.Namespace, id), value, keep)
	if err := exec(ctx, pipe); err != nil {
		return asked.Val() == stopMark, fmt.Errorf("note progress: %w", err)
	}
	return asked.Val() == stopMark, nil
}

// Progress returns what SetProgress noted last. It returns ErrNotFound where nothing is kept.
func (d *Desk) Progress(ctx context.Context, id string) ([]byte, error) {
	if err := checkSession(id); err != nil {
		return nil, err
	}
	value, err := d.c.rdb.Get(ctx, progressKey(d.c.cfg.Namespace, id)).Bytes()
	switch {
	case errors.Is(err, redis.Nil):
		return nil, fmt.Errorf("progress %s: %w", id, ErrNotFound)
	case err != nil:
		_, err = classify(err)
		return nil, fmt.Errorf("read progress: %w", err)
	}
	return value, nil
}

// AskStop asks whoever sets a progress to stop what it is about. It is forgotten after that long.
func (d *Desk) AskStop(ctx context.Context, id string, keep time.Duration) error {
	if err := checkSession(id); err != nil {
		return err
	}
	if err := d.c.rdb.Set(ctx, stopKey(d.c.cfg.Namespace, id), stopMark, keep).Err(); err != nil {
		_, err = classify(err)
		return fmt.Errorf("ask to stop: %w", err)
	}
	return nil
}
