package queue

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

// MaxSheetBytes is the largest content of a sheet.
const MaxSheetBytes = 512 << 10

// Sheet is a small text that operators' tools share, such as which alarms are on. Whoever changes it must
// have read its latest content.
type Sheet struct {
	// Value is the content; nil: there is none.
	Value []byte
	// Now is Redis's time when it was read.
	Now time.Time
}

// checkSheet returns an ErrInvalid for what cannot be the name of a sheet: it stands in the name of a key.
func checkSheet(name string) error {
	if validName(name) {
		return nil
	}
	return fmt.Errorf("%w: sheet %q: want 1 to %d characters of [a-zA-Z0-9_.-]", ErrInvalid, name, maxNameBytes)
}

// Sheet returns a sheet. One that nobody has written is empty.
func (d *Desk) Sheet(ctx context.Context, name string) (Sheet, error) {
	if err := checkSheet(name); err != nil {
		return Sheet{}, err
	}
	now, err := d.c.Inspector().now(ctx)
	if err != nil {
		return Sheet{}, fmt.Errorf("read sheet %s: %w", name, err)
	}
	value, err := d.c.rdb.Get(ctx, sheetKey(d.c.cfg.Namespace, name)).Bytes()
	if err != nil && !isNil(err) {
		_, err = classify(err)
		return Sheet{}, fmt.Errorf("read sheet %s: %w", name, err)
	}
	return Sheet{Value: value, Now: now}, nil
}

// RewriteSheet gives a sheet a new content, if it still has the one that is given as before. It returns
// ErrChanged where another was faster; ErrInvalid for a content that is too large; ErrRedisFull, ErrUnavailable
// or ErrUnknown.
func (d *Desk) RewriteSheet(ctx context.Context, name string, before, after []byte) error {
	if err := checkSheet(name); err != nil {
		return err
	}
	if len(after) > MaxSheetBytes {
		return fmt.Errorf("%w: sheet %s of %d bytes: want at most %d", ErrInvalid, name, len(after), MaxSheetBytes)
	}
	key := sheetKey(d.c.cfg.Namespace, name)
	err := d.c.rdb.Watch(ctx, func(tx *redis.Tx) error {
		value, err := tx.Get(ctx, key).Bytes()
		if err != nil && !isNil(err) {
			return err
		}
		if !bytes.Equal(value, before) {
			return ErrChanged
		}
		_, err = tx.TxPipelined(ctx, func(pipe redis.Pipeliner) error { return pipe.Set(ctx, key, after, 0).Err() })
		return err
	}, key)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ErrChanged), errors.Is(err, redis.TxFailedErr):
		return fmt.Errorf("rewrite sheet %s: %w", name, ErrChanged)
	default:
		_, err = classify(err)
		return fmt.Errorf("rewrite sheet %s: %w", name, err)
	}
}

// Turn says whether it is the caller who does what is to be done once in a while by one of many: the first to
// ask has the turn, and nobody has another one for that long, 1 ms at least.
func (d *Desk) Turn(ctx context.Context, name string, length time.Duration) (bool, error) {
	if err := checkSheet(name); err != nil {
		return false, err
	}
	if length < time.Millisecond {
		return false, fmt.Errorf("%w: turn of %v: want 1ms or more", ErrInvalid, length)
	}
	mine, err := d.c.rdb.SetNX(ctx, turnKey(d.c.cfg.Namespace, name), d.c.cfg.Namespace, length).Result()
	if err != nil {
		_, err = classify(err)
		return false, fmt.Errorf("turn of %s: %w", name, err)
	}
	return mine, nil
}
