package queue_test

import (
	"errors"
	"testing"

	"github.com/dueq-io/dueq/queue"
)

// Row 11: a producer that knows its queues is told of a misspelt one, and nothing is written.
func TestKnownQueues(t *testing.T) {
	onEachWith(t, queue.Config{Queues: []string{"sms", "callback"}}, func(t *testing.T, h *harness) {
		h.enqueue(queue.Job{Queue: "callback"})
		h.refused(queue.ErrUnknownQueue, func() error {
			_, err := h.c.Enqueue(h.ctx, queue.Job{Queue: "smss", Kind: "k"})
			return err
		})
		results, err := h.c.EnqueueMany(h.ctx, []queue.Job{{Queue: "smss", Kind: "k"}, {Queue: "sms", Kind: "k"}})
		if !errors.Is(err, queue.ErrUnknownQueue) || !errors.Is(results[0].Err, queue.ErrUnknownQueue) || results[1].Err != nil {
			t.Fatalf("%v, %+v", err, results)
		}
		if names, err := h.b.Queues(h.ctx); err != nil || len(names) != 2 {
			t.Fatalf("queues %v, %v", names, err)
		}
	})
}

func TestKnownQueuesAreChecked(t *testing.T) {
	t.Parallel()
	if _, err := (queue.Config{Queues: []string{"a b"}}).Open(t.Context(), "memory://"); !errors.Is(err, queue.ErrInvalid) {
		t.Fatalf("a name that no queue can have: %v", err)
	}
}
