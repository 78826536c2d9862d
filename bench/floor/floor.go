// Package floor moves the same bytes through Redis as the queue does, with plain pipelined commands from
// go-redis: no script, no answer checked, no promise kept. It says how fast this Redis, this client and this
// machine could be at best, and so how much of that the queue's safety costs.
package floor

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
	"golang.org/x/sync/errgroup"
)

// Shape is how the commands are sent: each connection has one batch of jobs in flight.
type Shape struct{ Connections, Batch int }

// The comparison with a queue that has 64 callers and 64 handlers must have 64 jobs in flight too: more would
// measure depth, not cost. Of the shapes that have, each of the first three measured fastest at its work.
// Deep is what the machine does when the number in flight is free, which no caller who waits for an answer sees.
var (
	ForEnqueue = Shape{Connections: 4, Batch: 16}
	ForProcess = Shape{Connections: 2, Batch: 32}
	ForBoth    = Shape{Connections: 1, Batch: 64}
	Deep       = Shape{Connections: 8, Batch: 500}
)

// The keys are those of one shard of the queue.
const (
	jobs   = "floor:{q}:jobs"
	ready  = "floor:{q}:ready"
	leased = "floor:{q}:leased"
	tokens = "floor:{q}:tokens"
)

// header is as long as what the queue's envelope adds to a payload.
const header = 24

// Queue is the raw queue on one server.
type Queue struct {
	rdb    *redis.Client
	record []byte
	shape  Shape
}

// Open connects to the Redis at addr; payload is the number of bytes each job carries.
func Open(addr string, payload int, shape Shape) *Queue {
	return &Queue{
		rdb:    redis.NewClient(&redis.Options{Addr: addr, PoolSize: 2 * shape.Connections}),
		record: make([]byte, header+payload),
		shape:  shape,
	}
}

// Close lets go of the connections.
func (q *Queue) Close() error { return q.rdb.Close() }

// Produce stores n jobs: for each an HSET of the record and an RPUSH of the ID.
func (q *Queue) Produce(ctx context.Context, n int) error {
	group, ctx := errgroup.WithContext(ctx)
	for from, to := range split(n, q.shape.Connections) {
		group.Go(func() error { return q.produce(ctx, from, to) })
	}
	return group.Wait()
}

func (q *Queue) produce(ctx context.Context, from, to int) error {
	for from < to {
		pipe := q.rdb.Pipeline()
		for range min(q.shape.Batch, to-from) {
			// As long as a generated ID of the queue.
			id := fmt.Sprintf("%026d", from)
			pipe.HSet(ctx, jobs, id, q.record)
			pipe.RPush(ctx, ready, id)
			from++
		}
		if _, err := pipe.Exec(ctx); err != nil {
			return err
		}
	}
	return nil
}

// Consume takes n jobs through lease and acknowledgement, waiting for those still to come.
func (q *Queue) Consume(ctx context.Context, n int) error {
	group, ctx := errgroup.WithContext(ctx)
	for from, to := range split(n, q.shape.Connections) {
		group.Go(func() error { return q.consume(ctx, to-from) })
	}
	return group.Wait()
}

func (q *Queue) consume(ctx context.Context, n int) error {
	for n > 0 {
		ids, err := q.rdb.LPopCount(ctx, ready, min(q.shape.Batch, n)).Result()
		if errors.Is(err, redis.Nil) {
			// The producers are behind; asking again without a pause would only take Redis's time from them.
			select {
			case <-time.After(100 * time.Microsecond):
				continue
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		if err != nil {
			return err
		}
		if err := q.settle(ctx, ids); err != nil {
			return err
		}
		n -= len(ids)
	}
	return nil
}

// settle leases the ids, reads their records, and acknowledges them.
func (q *Queue) settle(ctx context.Context, ids []string) error {
	deadline := float64(time.Now().Add(30 * time.Second).UnixMilli())
	members, drawn, gone := make([]redis.Z, len(ids)), make([]any, 0, 2*len(ids)), make([]any, len(ids))
	for i, id := range ids {
		members[i] = redis.Z{Score: deadline, Member: id}
		drawn = append(drawn, id, i)
		gone[i] = id
	}
	lease := q.rdb.Pipeline()
	lease.HMGet(ctx, jobs, ids...)
	lease.ZAdd(ctx, leased, members...)
	lease.HSet(ctx, tokens, drawn...)
	if _, err := lease.Exec(ctx); err != nil {
		return err
	}
	ack := q.rdb.Pipeline()
	ack.HDel(ctx, jobs, ids...)
	ack.ZRem(ctx, leased, gone...)
	ack.HDel(ctx, tokens, ids...)
	_, err := ack.Exec(ctx)
	return err
}

// split yields parts consecutive ranges that cover 0 to n.
func split(n, parts int) func(yield func(from, to int) bool) {
	return func(yield func(from, to int) bool) {
		for i := range parts {
			if !yield(i*n/parts, (i+1)*n/parts) {
				return
			}
		}
	}
}
