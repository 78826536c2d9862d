package queue

import (
	"context"
	"math"
	"strconv"
	"strings"
	"time"
)

// ids reads up to about want ids of a query's state from a cursor on: an offset, or HSCAN's own for all states.
func (in *Inspector) ids(ctx context.Context, s *shard, q *Query, cursor string, want int) ([]string, string, error) {
	at, _ := strconv.ParseUint(cursor, 10, 64)
	var ids []string
	var err error
	switch q.State {
	case "":
		return in.scan(ctx, s, at, want)
	case Ready:
		ids, err = in.readyEntries(ctx, s, int64(at), int64(want))
	case Delayed, Retrying, Dead:
		ids, err = in.within(ctx, s.keys[stateSets[q.State]], q, int64(at), int64(want))
	case Leased, Done:
		ids, err = in.c.rdb.ZRange(ctx, s.keys[stateSets[q.State]], int64(at), int64(at)+int64(want)-1).Result()
	}
	if err != nil {
		_, err = classify(err)
		return nil, "", err
	}
	if len(ids) < want {
		return ids, "", nil
	}
	return ids, strconv.FormatUint(at+uint64(len(ids)), 10), nil
}

// within reads ids from a place on within the query's range of times, dead ones from its end. Ranks are
// found by counting, which costs the same wherever the range begins.
func (in *Inspector) within(ctx context.Context, key string, q *Query, at, want int64) ([]string, error) {
	first, end := int64(0), int64(math.MaxInt64)
	for _, bound := range []struct {
		rank *int64
		time time.Time
	}{{&first, q.DueFrom}, {&end, q.DueTo}} {
		if bound.time.IsZero() {
			continue
		}
		n, err := in.c.rdb.ZCount(ctx, key, "-inf", strings.Replace(when(bound.time, 0), "@", "(", 1)).Result()
		if err != nil {
			return nil, err
		}
		*bound.rank = n
	}
	if q.State != Dead {
		if first += at; first >= end {
			return nil, nil
		}
		return in.c.rdb.ZRange(ctx, key, first, min(first+want, end)-1).Result()
	}
	size, err := in.c.rdb.ZCard(ctx, key).Result()
	if err != nil {
		return nil, err
	}
	last := size - first
	if first = max(0, size-end) + at; first >= last {
		return nil, nil
	}
	return in.c.rdb.ZRevRange(ctx, key, first, min(first+want, last)-1).Result()
}

func (in *Inspector) scan(ctx context.Context, s *shard, at uint64, want int) ([]string, string, error) {
	pairs, next, err := in.c.rdb.HScan(ctx, s.keys["jobs"], at, "", int64(want)).Result()
	if err != nil {
		_, err = classify(err)
		return nil, "", err
	}
	ids := make([]string, 0, len(pairs)/2)
	for i := 0; i < len(pairs); i += 2 {
		ids = append(ids, pairs[i])
	}
	if next == 0 {
		return ids, "", nil
	}
	return ids, strconv.FormatUint(next, 10), nil
}

// readyEntries reads across the three ready lists as if they were one.
func (in *Inspector) readyEntries(ctx context.Context, s *shard, offset, want int64) ([]string, error) {
	var out []string
	for _, name := range []string{"high", "ready", "low"} {
		size, err := in.c.rdb.LLen(ctx, s.keys[name]).Result()
		if err != nil {
			return nil, err
		}
		if offset >= size {
			offset -= size
			continue
		}
		part, err := in.c.rdb.LRange(ctx, s.keys[name], offset, offset+want-int64(len(out))-1).Result()
		if err != nil {
			return nil, err
		}
		out = append(out, part...)
		if offset = 0; int64(len(out)) >= want {
			break
		}
	}
	return out, nil
}
