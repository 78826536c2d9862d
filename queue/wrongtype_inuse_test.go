package queue_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dueq-io/dueq/queue"
)

// ends are the jobs of the stage that a verb may legitimately leave no trace of; the cancelled one ends
// with any word of its worker, and with its lease.
func (s *stage) ends(verb string) []string {
	ids := []string{s.cancelled.ID}
	switch verb {
	case "ack":
		return append(ids, s.d.ID)
	case "cancel":
		return append(ids, "ready-high", "later", s.dead, s.d.ID)
	case "purge":
		return append(ids, s.dead, s.done)
	}
	return ids
}

// drain lets time pass until every job that lives was leased and acked, and returns their ids.
func (h *harness) drain() []string {
	h.t.Helper()
	var ids []string
	for range 3 {
		h.reapAfter(time.Hour, queue.ReapConfig{MaxLost: 100})
		_, err := h.b.Promote(h.ctx, sms, 100)
		h.ok(err)
		for ds := h.lease(100); len(ds) > 0; ds = h.lease(100) {
			for _, d := range ds {
				ids = append(ids, d.ID)
				h.ok(h.b.Ack(h.ctx, d))
			}
		}
	}
	return ids
}

// A key that another program takes while we work: the call that meets it first may stop half-way, for a
// script is not rolled back, but it says so, the next one touches nothing and names the key, and once
// the key is ours again every job is there and runs.
func TestWrongTypeWhileInUse(t *testing.T) {
	for _, v := range verbCalls() {
		t.Run(v.verb, func(t *testing.T) {
			for _, name := range slices.Sorted(slices.Values(queue.KeysUsed(v.verb))) {
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					h := open(t, urlOf(t), queue.Config{})
					queue.Freeze(h.c)
					wrongTypeInUse(t, h, v, name)
				})
			}
		})
	}
}

func wrongTypeInUse(t *testing.T, h *harness, v verbCall, name string) {
	t.Helper()
	s := newStage(h)
	ids, err := h.rdb.HKeys(h.ctx, h.key("jobs")).Result()
	h.ok(err)
	key := h.key(name)
	_ = h.rdb.Rename(h.ctx, key, h.c.Namespace()+":aside") // may not exist
	h.ok(h.rdb.Set(h.ctx, key, "foreign", 0).Err())
	first := v.call(h, s)
	if first != nil {
		if !errors.Is(first, queue.ErrWrongType) {
			t.Fatalf("got %v, want %v", first, queue.ErrWrongType)
		}
		h.unchanged(func() {
			if err := v.call(h, s); !errors.Is(err, queue.ErrWrongType) || !strings.Contains(err.Error(), key) {
				t.Fatalf("the second call: %v", err)
			}
		})
	}
	h.ok(h.rdb.Del(h.ctx, key).Err())
	_ = h.rdb.Rename(h.ctx, h.c.Namespace()+":aside", key)
	if first != nil {
		_ = v.call(h, s) // may find that the first had its effect
	}
	left := slices.Concat(h.drain(), s.ends(v.verb))
	for _, id := range ids {
		if state := h.stateOf(id); !slices.Contains(left, id) && state != queue.Dead && state != queue.Done {
			t.Errorf("job %s is %q and did not run", id, state)
		}
	}
}
