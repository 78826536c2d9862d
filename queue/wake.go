package queue

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// Queues returns the names of all queues of the namespace, in no order.
func (b *Broker) Queues(ctx context.Context) ([]string, error) {
	names, err := b.c.rdb.SMembers(ctx, queuesKey(b.c.cfg.Namespace)).Result()
	if err != nil {
		_, err := classify(err)
		return nil, fmt.Errorf("list queues: %w", err)
	}
	// The set is open to anyone who can reach Redis: a name that is none must not become a key.
	valid := names[:0]
	for _, name := range names {
		if validName(name) {
			valid = append(valid, name)
		}
	}
	return valid, nil
}

// WaitGroups splits queues into those that one call can wait for: all together, except on a Redis
// Cluster, where one connection can wait only on one slot, so that each queue is a group of its own.
func (b *Broker) WaitGroups(queues []string) [][]string {
	if _, ok := b.c.rdb.(*redis.ClusterClient); !ok {
		return [][]string{queues}
	}
	groups := make([][]string, len(queues))
	for i, q := range queues {
		groups[i] = []string{q}
	}
	return groups
}

// WaitReady waits until a queue has a hint that jobs are ready, at most for timeout, a whole number of
// seconds, and returns its name, or "" when the time is over. A hint can be lost with the process that
// took it: also ask AnyReady from time to time. The queues must be of one of WaitGroups.
func (b *Broker) WaitReady(ctx context.Context, queues []string, timeout time.Duration) (string, error) {
	return b.wait(ctx, queues, "wake", timeout)
}

// NewQueue is what WaitTick returns when a queue was made that Queues did not have before.
const NewQueue = "*"

// WaitTick waits until a queue has a job that is due earlier than all before, at most for timeout, a
// whole number of seconds, and returns its name, or "" when the time is over, or NewQueue. The queues
// must be of one of WaitGroups; on a Redis Cluster only a call without queues waits for NewQueue.
func (b *Broker) WaitTick(ctx context.Context, queues []string, timeout time.Duration) (string, error) {
	return b.wait(ctx, queues, "tick", timeout)
}

// WakeReady and WakeTick end one such wait, or pass on a hint that the caller took and cannot follow.
func (b *Broker) WakeReady(ctx context.Context, queue string) error {
	return b.hint(ctx, queue, "wake")
}

// WakeTick is WakeReady for WaitTick; the queue may be NewQueue.
func (b *Broker) WakeTick(ctx context.Context, queue string) error {
	if queue == NewQueue {
		return b.c.rdb.RPush(ctx, newQueueKey(b.c.cfg.Namespace), "1").Err()
	}
	return b.hint(ctx, queue, "tick")
}

func (b *Broker) hint(ctx context.Context, queue, list string) error {
	if err := checkQueue(queue); err != nil {
		return err
	}
	key := b.c.lineOf(queue).shard.keys[list]
	_, err := b.c.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		p.RPush(ctx, key, "1")
		p.LTrim(ctx, key, 0, 0) // one hint is enough
		return nil
	})
	if err != nil {
		_, err := classify(err)
		return fmt.Errorf("wake who waits for %s: %w", queue, err)
	}
	return nil
}

func (b *Broker) wait(ctx context.Context, queues []string, list string, timeout time.Duration) (string, error) {
	keys := make([]string, 0, len(queues)+1)
	for _, q := range queues {
		if err := checkQueue(q); err != nil {
			return "", err
		}
		keys = append(keys, b.c.lineOf(q).shard.keys[list])
	}
	news := newQueueKey(b.c.cfg.Namespace)
	if _, ok := b.c.rdb.(*redis.ClusterClient); list == "tick" && (!ok || len(keys) == 0) {
		keys = append(keys, news)
	}
	hint, err := b.c.rdb.BLPop(ctx, timeout, keys...).Result()
	if err != nil {
		if isNil(err) {
			return "", nil
		}
		_, err := classify(err)
		return "", fmt.Errorf("wait: %w", err)
	}
	if hint[0] == news {
		return NewQueue, nil
	}
	_, tagged, _ := strings.Cut(hint[0], "{")
	tag, _, _ := strings.Cut(tagged, "}")
	queue, _, _ := strings.Cut(tag, "#")
	return queue, nil
}

// AnyReady says whether any of the queues, which must be of one of WaitGroups, has ready jobs. It is
// one command, whatever their number.
func (b *Broker) AnyReady(ctx context.Context, queues []string) (bool, error) {
	return b.any(ctx, queues, "high", "ready", "low")
}

// AnyLeased says whether any of the queues, which must be of one of WaitGroups, has leased jobs.
func (b *Broker) AnyLeased(ctx context.Context, queues []string) (bool, error) {
	return b.any(ctx, queues, "leased")
}

func (b *Broker) any(ctx context.Context, queues []string, names ...string) (bool, error) {
	if len(queues) == 0 {
		return false, nil
	}
	var keys []string
	for _, q := range queues {
		if err := checkQueue(q); err != nil {
			return false, err
		}
		s := b.c.lineOf(q).shard
		for _, name := range names {
			keys = append(keys, s.keys[name])
		}
	}
	n, err := b.c.rdb.Exists(ctx, keys...).Result()
	if err != nil {
		_, err := classify(err)
		return false, fmt.Errorf("look for jobs: %w", err)
	}
	return n > 0, nil
}

func isNil(err error) bool { return errors.Is(err, redis.Nil) }
