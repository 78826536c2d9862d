package queue_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/dueq-io/dueq/queue"
)

// A batch fills a queue to its limit and not beyond.
func TestEnqueueManyIntoALimit(t *testing.T) {
	onEach(t, func(t *testing.T, h *harness) {
		h.ok(h.in.SetMaxLen(h.ctx, sms, 3))
		results, err := h.c.EnqueueMany(h.ctx, slices.Repeat([]queue.Job{withDefaults(queue.Job{})}, 5))
		if !errors.Is(err, queue.ErrQueueFull) {
			t.Fatalf("got %v", err)
		}
		for i, r := range results {
			if full := errors.Is(r.Err, queue.ErrQueueFull); full != (i >= 3) || full == (r.ID != "") && full {
				t.Errorf("job %d: %+v", i, r)
			}
		}
		h.wantDepth(map[queue.State]int64{queue.Ready: 3})
	})
}

// Each job of a batch is judged on its own: what is wrong with one is not wrong with its neighbours,
// in whatever queue they are, and the results keep the order.
func TestEnqueueManyOverQueues(t *testing.T) {
	onEach(t, func(t *testing.T, h *harness) {
		jobs := []queue.Job{
			{Queue: "a", Kind: "k", ID: "1"},
			{Queue: "b", Kind: "k", ID: "1"},
			{Queue: "a", Kind: "", ID: "2"},
			{Queue: "a", Kind: "k", ID: "1"},
			{Queue: "a", Kind: "k", ID: "1", Payload: []byte("other")},
			{Queue: "b", Kind: "k", ID: "3", Delay: time.Hour},
			{Queue: "bad name", Kind: "k"},
			{Queue: "c", Kind: "k"},
		}
		want := []error{nil, nil, queue.ErrInvalid, nil, queue.ErrConflict, nil, queue.ErrInvalid, nil}
		results, err := h.c.EnqueueMany(h.ctx, jobs)
		for i, r := range results {
			if !errors.Is(r.Err, want[i]) || (r.Err == nil) != (r.ID != "") {
				t.Errorf("job %d: %+v, want %v", i, r, want[i])
			}
		}
		if !errors.Is(err, queue.ErrInvalid) || !errors.Is(err, queue.ErrConflict) {
			t.Errorf("the batch answers %v", err)
		}
		for name, depth := range map[string]int64{"a": 1, "b": 1, "c": 1} {
			if info, err := h.in.Queue(h.ctx, name); err != nil || info.Ready != depth {
				t.Errorf("queue %s: %d ready, %v", name, info.Ready, err)
			}
		}
	})
}

// A batch has no size: it goes in calls of at most 500 jobs or 1 MiB.
func TestEnqueueManyInParts(t *testing.T) {
	onEach(t, func(t *testing.T, h *harness) {
		jobs := make([]queue.Job, 2*queue.MaxBatch+1)
		for i := range jobs {
			jobs[i] = withDefaults(queue.Job{ID: fmt.Sprintf("job-%04d", i)})
		}
		big := withDefaults(queue.Job{Payload: bytes.Repeat([]byte("x"), 700<<10)})
		jobs = append(jobs, big, big, big)
		results, err := h.c.EnqueueMany(h.ctx, jobs)
		h.ok(err)
		if len(results) != len(jobs) || h.info().Ready != int64(len(jobs)) {
			t.Fatalf("%d results, %d ready, want %d", len(results), h.info().Ready, len(jobs))
		}
		if results, err := h.c.EnqueueMany(h.ctx, nil); len(results) != 0 || err != nil {
			t.Errorf("no jobs: %v, %v", results, err)
		}
	})
}
