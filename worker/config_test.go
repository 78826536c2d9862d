package worker_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/dueq-io/dueq/queue"
	"github.com/dueq-io/dueq/worker"
)

func TestConfigSaysAllThatIsWrong(t *testing.T) {
	t.Parallel()
	client := open(t, "memory://")
	good := map[string]int{"q": 1}
	for name, c := range map[string]struct {
		cfg  worker.Config
		says []string
	}{
		"nothing":           {worker.Config{}, []string{"Queues is empty"}},
		"weights":           {worker.Config{Queues: map[string]int{"a": 0, "b": 1001, "c": -1}}, []string{"weight 0 of queue a", "weight 1001 of queue b", "weight -1 of queue c"}},
		"concurrency":       {worker.Config{Queues: good, Concurrency: -1}, []string{"Concurrency -1"}},
		"much concurrency":  {worker.Config{Queues: good, Concurrency: 100_001}, []string{"Concurrency 100001"}},
		"queue concurrency": {worker.Config{Queues: good, QueueConcurrency: map[string]int{"q": 0, "x": 1}}, []string{"QueueConcurrency 0 of queue q", "names queue x"}},
		"short lease":       {worker.Config{Queues: good, Lease: time.Millisecond}, []string{"Lease 1ms"}},
		"long lease":        {worker.Config{Queues: good, Lease: 2 * time.Hour}, []string{"Lease 2h0m0s"}},
		"attempts":          {worker.Config{Queues: good, MaxAttempts: -1}, []string{"MaxAttempts -1"}},
		"unknown delay":     {worker.Config{Queues: good, UnknownDelay: -1}, []string{"UnknownDelay -1ns"}},
		"several":           {worker.Config{Concurrency: -1, Lease: 1}, []string{"Queues is empty", "Concurrency -1", "Lease 1ns"}},
	} {
		_, err := worker.New(client, c.cfg)
		if !errors.Is(err, queue.ErrInvalid) {
			t.Errorf("%s: got %v, want ErrInvalid", name, err)
			continue
		}
		for _, says := range c.says {
			if !strings.Contains(err.Error(), says) {
				t.Errorf("%s: %q is not in: %v", name, says, err)
			}
		}
	}
}
