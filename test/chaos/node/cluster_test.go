package node_test

import (
	"errors"
	"strconv"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/dueq-io/dueq/test/chaos/node"
)

func TestClusterFailsOverAndMovesASlot(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	c, err := node.StartCluster(ctx, node.Config{})
	must(t, err)
	t.Cleanup(func() { must(t, c.Close()) })
	const keys = 250
	key := func(i int) string { return "{q}" + strconv.Itoa(i) }
	owner := func() *node.Redis {
		r, err := c.Owner(ctx, key(0))
		must(t, err)
		return r
	}
	for i := range keys {
		must(t, owner().Client().Set(ctx, key(i), "value", 0).Err())
	}

	old, took, err := c.KillOwner(ctx, key(0))
	must(t, err)
	t.Logf("failed over in %v", took)
	if took > 5*time.Second || owner() == old {
		t.Errorf("the fail-over took %v", took)
	}
	must(t, c.BringBack(ctx, old))

	first := owner()
	moved, err := c.MoveSlot(ctx, key(0))
	must(t, err)
	if moved != keys || owner() == first {
		t.Errorf("moved %d keys, want %d, to another node", moved, keys)
	}
	must(t, c.AwaitWhole(ctx))
	for _, force := range []bool{false, true} {
		before := owner()
		must(t, c.Failover(ctx, key(0), force))
		if owner() == before {
			t.Errorf("force %t: the master is the same", force)
		}
	}
	for i := range keys {
		if err := owner().Client().Get(ctx, key(i)).Err(); errors.Is(err, redis.Nil) {
			t.Fatalf("key %d is lost", i)
		}
	}
}
