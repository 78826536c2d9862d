package queue_test

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dueq-io/dueq/internal/redistest"
	"github.com/dueq-io/dueq/queue"
)

// serverRefusal is a state of Redis in which it says that it has not begun a script, and how it ends.
type serverRefusal struct{ begin, end func(h *harness) error }

func configured(h *harness, name, value string) error {
	return h.rdb.ConfigSet(h.ctx, name, value).Err()
}

func serverRefusals() map[string]serverRefusal {
	return map[string]serverRefusal{
		"READONLY": {
			func(h *harness) error { return h.rdb.Do(h.ctx, "REPLICAOF", "127.0.0.1", "1").Err() },
			func(h *harness) error { return h.rdb.Do(h.ctx, "REPLICAOF", "NO", "ONE").Err() },
		},
		"NOREPLICAS": {
			func(h *harness) error { return configured(h, "min-replicas-to-write", "1") },
			func(h *harness) error { return configured(h, "min-replicas-to-write", "0") },
		},
		"BUSY": {
			func(h *harness) error {
				if err := configured(h, "busy-reply-threshold", "1"); err != nil {
					return err
				}
				go func() { _ = h.rdb.Eval(h.ctx, "while true do end", nil).Err() }()
				redistest.Eventually(h.t, 5*time.Second, func() bool {
					err := h.rdb.Ping(h.ctx).Err()
					return err != nil && strings.HasPrefix(err.Error(), "BUSY")
				})
				return nil
			},
			func(h *harness) error { return h.rdb.ScriptKill(h.ctx).Err() },
		},
	}
}

// What Redis is known not to have run is repeated until it runs, or the retries are used up; then the
// error says that it was not carried out.
func TestRefusedByTheServer(t *testing.T) {
	for code, refusal := range serverRefusals() {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			server := redistest.Start(t)
			h := open(t, server.URL(), queue.Config{})
			hasty := open(t, server.URL(), queue.Config{Namespace: h.c.Namespace(), Retries: -1})
			operator := &harness{t: t, ctx: h.ctx, rdb: server.Client()}
			h.enqueue(queue.Job{})
			hasty.enqueue(queue.Job{})
			d := h.lease(1)[0]

			operator.ok(refusal.begin(operator))
			for name, call := range map[string]func() error{
				"enqueue":  func() error { return hasty.try(queue.Job{}) },
				"register": func() error { return hasty.try(queue.Job{Queue: "new-queue"}) },
				"ack":      func() error { return hasty.b.Ack(h.ctx, d) },
			} {
				if err := call(); !errors.Is(err, queue.ErrUnavailable) || !strings.Contains(err.Error(), code) {
					t.Errorf("%s: %v", name, err)
				}
			}
			var wg sync.WaitGroup
			wg.Go(func() {
				if err := h.try(queue.Job{}); err != nil {
					t.Error(err)
				}
			})
			wg.Go(func() {
				if err := h.b.Ack(h.ctx, d); err != nil {
					t.Error(err)
				}
			})
			operator.ok(refusal.end(operator))
			wg.Wait()
			h.wantDepth(map[queue.State]int64{queue.Ready: 2})
		})
	}
}
