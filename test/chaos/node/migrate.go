package node

import (
	"context"
	"fmt"
	"strings"
)

const (
	keysAtOnce    = 100
	migrateWithin = 5000 // ms, of one call
)

// MoveSlot moves the slot of a key with all keys in it to the next master and
// returns how many keys that were. Work on the slot may go on meanwhile.
func (c *Cluster) MoveSlot(ctx context.Context, key string) (keys int, err error) {
	from, err := c.Owner(ctx, key)
	if err != nil {
		return 0, err
	}
	to, err := c.nextMaster(ctx, from)
	if err != nil {
		return 0, err
	}
	slot, err := from.ask.ClusterKeySlot(ctx, key).Result()
	if err != nil {
		return 0, err
	}
	// The target first: the source sends clients there from then on.
	if err := setSlot(ctx, to, slot, "IMPORTING", from); err != nil {
		return 0, err
	}
	if err := setSlot(ctx, from, slot, "MIGRATING", to); err != nil {
		return 0, err
	}
	if keys, err = moveKeys(ctx, from, to, slot); err != nil {
		return keys, err
	}
	for _, r := range []*Redis{to, from} {
		if err := setSlot(ctx, r, slot, "NODE", to); err != nil {
			return keys, err
		}
	}
	return keys, nil
}

func setSlot(ctx context.Context, at *Redis, slot int64, state string, peer *Redis) error {
	id, err := peer.id(ctx)
	if err != nil {
		return err
	}
	if err := at.ask.Do(ctx, "CLUSTER", "SETSLOT", slot, state, id).Err(); err != nil {
		return fmt.Errorf("node: slot %d %s at %s: %w", slot, strings.ToLower(state), at.Addr(), err)
	}
	return nil
}

// moveKeys moves keys until the slot has none: the source makes no new ones.
func moveKeys(ctx context.Context, from, to *Redis, slot int64) (moved int, err error) {
	for {
		keys, err := from.ask.ClusterGetKeysInSlot(ctx, int(slot), keysAtOnce).Result()
		if err != nil || len(keys) == 0 {
			return moved, err
		}
		command := []any{"MIGRATE", "127.0.0.1", to.port, "", 0, migrateWithin, "KEYS"}
		for _, key := range keys {
			command = append(command, key)
		}
		if err := from.ask.Do(ctx, command...).Err(); err != nil {
			return moved, fmt.Errorf("node: move %d keys: %w", len(keys), err)
		}
		moved += len(keys)
	}
}

func (c *Cluster) nextMaster(ctx context.Context, after *Redis) (*Redis, error) {
	at := 0
	for i, r := range c.nodes {
		if r == after {
			at = i
		}
	}
	for i := range len(c.nodes) - 1 {
		if r := c.nodes[(at+1+i)%len(c.nodes)]; isMaster(ctx, r) {
			return r, nil
		}
	}
	return nil, fmt.Errorf("node: no master but %s", after.Addr())
}
