package queue

import (
	"context"
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"
)

// Find returns which of the queues named have a job of an ID, in their order, or which of all in the
// namespace, by name. It is one pipeline.
func (in *Inspector) Find(ctx context.Context, id string, queues ...string) ([]string, error) {
	if err := checkID(id); err != nil {
		return nil, err
	}
	names, err := in.names(ctx, queues)
	if err != nil {
		return nil, err
	}
	pipe := in.c.rdb.Pipeline()
	there := make([]*redis.BoolCmd, len(names))
	for i, name := range names {
		there[i] = pipe.HExists(ctx, in.c.lineOf(name).shard.keys["jobs"], id)
	}
	// A key of a wrong type is another queue's trouble.
	if err := exec(ctx, pipe); err != nil && !errors.Is(err, ErrWrongType) {
		return nil, fmt.Errorf("find job %s: %w", id, err)
	}
	var out []string
	for i, name := range names {
		if there[i].Val() {
			out = append(out, name)
		}
	}
	return out, nil
}
