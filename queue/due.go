package queue

import (
	"context"
	"math"
	"strings"
	"time"
)

// dueIn reads ids from a place on within the query's range of due times. Ranks are found by counting, which
// costs the same wherever the range begins.
func (in *Inspector) dueIn(ctx context.Context, key string, q *Query, at, want int64) ([]string, error) {
	first, end := int64(0), int64(math.MaxInt64)
	for _, bound := range []struct {
		rank *int64
		due  time.Time
	}{{&first, q.DueFrom}, {&end, q.DueTo}} {
		if bound.due.IsZero() {
			continue
		}
		n, err := in.c.rdb.ZCount(ctx, key, "-inf", strings.Replace(when(bound.due, 0), "@", "(", 1)).Result()
		if err != nil {
			return nil, err
		}
		*bound.rank = n
	}
	if first += at; first >= end {
		return nil, nil
	}
	return in.c.rdb.ZRange(ctx, key, first, min(first+want, end)-1).Result()
}
