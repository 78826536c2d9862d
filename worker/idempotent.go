package worker

import (
	"context"
	"sync"
	"time"

	"github.com/dueq-io/dueq/queue"
)

// Marker is the part of *queue.Broker that Idempotent calls.
type Marker interface {
	Marked(ctx context.Context, queue, mark string) (bool, error)
}

// Idempotent returns middleware that does not run a job again whose key was done within the time that
// its mark is kept: such a duplicate is acked. key gives the key of a job, for example its ID; an empty
// key is not guarded. The mark is left in the same step as the ack, so a failed job can be retried.
// onDuplicate, which may be nil, is called for each duplicate.
//
// Within one process, jobs of one key run one after another. Two processes can still run the same key
// at the same time, and a handler whose ack was lost can run twice: what it does outside must be
// idempotent by its own means, such as handing the key on.
func Idempotent(marks Marker, key func(d *queue.Delivery) string, keep time.Duration, onDuplicate func(d *queue.Delivery)) Middleware {
	t := turns{keys: map[turnKey]*turn{}}
	return func(next Handler) Handler {
		return HandlerFunc(func(ctx context.Context, d *queue.Delivery) error {
			mark := key(d)
			if mark == "" {
				return next.Run(ctx, d)
			}
			mine, err := t.take(ctx, turnKey{d.Queue, mark})
			if err != nil {
				return err
			}
			defer mine.end()
			seen := time.Now().Before(mine.until)
			if !seen {
				if seen, err = marks.Marked(ctx, d.Queue, mark); err != nil {
					return err
				}
			}
			if seen {
				if onDuplicate != nil {
					onDuplicate(d)
				}
				return nil
			}
			if err := next.Run(ctx, d); err != nil {
				return err
			}
			d.Mark(mark, keep)
			mine.done(ctx, keep)
			return nil
		})
	}
}

// turns lets the jobs of one key run one after another.
type turns struct {
	mu   sync.Mutex
	keys map[turnKey]*turn
}

type turnKey struct{ queue, mark string }

// turn is what is known of a key while anyone needs it.
type turn struct {
	of    *turns
	key   turnKey
	users int
	// busy holds a value while a job of the key runs. Who put it there owns until, up to when the key
	// is done although its mark may not be left yet: the job is acked only after its handler.
	busy  chan struct{}
	until time.Time
}

// take waits until no other job of the key runs.
func (t *turns) take(ctx context.Context, key turnKey) (*turn, error) {
	t.mu.Lock()
	mine := t.keys[key]
	if mine == nil {
		mine = &turn{of: t, key: key, busy: make(chan struct{}, 1)}
		t.keys[key] = mine
	}
	mine.users++
	t.mu.Unlock()
	select {
	case mine.busy <- struct{}{}:
		return mine, nil
	case <-ctx.Done():
		mine.leave()
		return nil, context.Cause(ctx)
	}
}

// settleTime is how long a key that is done is remembered until its mark must have been left.
const settleTime = time.Second

// done notes that the key is done. A Worker ends ctx when the job is settled, but middleware between may
// have ended it as soon as the handler returned.
func (m *turn) done(ctx context.Context, keep time.Duration) {
	m.until = time.Now().Add(keep)
	m.of.mu.Lock()
	m.users++
	m.of.mu.Unlock()
	context.AfterFunc(ctx, func() { time.AfterFunc(settleTime, m.leave) })
}

func (m *turn) end() {
	<-m.busy
	m.leave()
}

// leave forgets a key that nobody needs any more.
func (m *turn) leave() {
	m.of.mu.Lock()
	defer m.of.mu.Unlock()
	if m.users--; m.users == 0 {
		delete(m.of.keys, m.key)
	}
}
