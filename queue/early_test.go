package queue_test

import (
	"context"
	"testing"
	"time"

	"github.com/dueq-io/dueq/internal/redistest"
	"github.com/dueq-io/dueq/queue"
)

// A delay counts in full, also its last part of a millisecond: Redis's clock is asked before the job is
// enqueued and after it was promoted, to the microsecond.
func TestDelayIsNeverCutByRounding(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	c, err := queue.Config{Namespace: redistest.Prefix(t)}.Open(ctx, redistest.URL(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	rdb := redistest.Client(t)
	const delay = 3 * time.Millisecond
	for range 200 {
		before := rdb.Time(ctx).Val()
		if _, err := c.Enqueue(ctx, queue.Job{Queue: "q", Kind: "k", Delay: delay}); err != nil {
			t.Fatal(err)
		}
		for {
			p, err := c.Broker().Promote(ctx, "q", 1)
			if err != nil {
				t.Fatal(err)
			}
			if p.Moved == 1 {
				break
			}
		}
		if waited := rdb.Time(ctx).Val().Sub(before); waited < delay {
			t.Fatalf("promoted %v after it was enqueued, want at least %v", waited, delay)
		}
	}
}
