package node_test

import (
	"testing"
	"time"

	"github.com/dueq-io/dueq/queue"
	"github.com/dueq-io/dueq/test/chaos/node"
)

func TestSentinelFailsOverAndTakesTheOldMasterBack(t *testing.T) {
	t.Parallel()
	s, err := node.StartSentinel(t.Context(), node.Config{})
	must(t, err)
	t.Cleanup(func() { must(t, s.Close()) })
	client, err := queue.Open(t.Context(), s.URL())
	must(t, err)
	t.Cleanup(func() { must(t, client.Close()) })

	for range 2 {
		old, took, err := s.KillMaster(t.Context())
		must(t, err)
		t.Logf("failed over in %v", took)
		if took > 5*time.Second {
			t.Errorf("the fail-over took %v", took)
		}
		eventually(t, func() bool {
			_, err := client.Enqueue(t.Context(), queue.Job{Queue: "q", Kind: "k"})
			return err == nil
		})
		must(t, s.BringBack(t.Context(), old))
		now, err := s.Master(t.Context())
		must(t, err)
		if now == old {
			t.Error("the old master is the master again")
		}
		if n := old.Client().DBSize(t.Context()).Val(); n == 0 {
			t.Error("the old master has nothing of what was enqueued without it")
		}
	}
}
