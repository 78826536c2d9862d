package queue

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/redis/go-redis/v9"
)

// Recent is the jobs of a queue that were enqueued last.
type Recent struct {
	// Jobs are in order of when they were enqueued, by the producers' clocks, the newest first.
	Jobs []JobInfo
	// Scanned is how many jobs were looked at, Total how many the queue has.
	Scanned, Total int
	// Cut says that not all were looked at. Of each state those were that came last, and of delayed jobs also
	// those due first: one that is due in between may be missing.
	Cut bool
}

// recentScan is how many jobs Recent looks at.
const recentScan = 2000

// Recent returns the n newest jobs of a queue, 1 to 500, by a look at 2,000 jobs at most. Only jobs that are still
// there are found.
func (in *Inspector) Recent(ctx context.Context, queue string, n int) (Recent, error) {
	if err := checkLimit(queue, n); err != nil {
		return Recent{}, err
	}
	s := in.c.lineOf(queue).shard
	var out Recent
	ids, entries, err := in.latest(ctx, s, &out)
	if err != nil {
		return Recent{}, fmt.Errorf("newest jobs of %s: %w", queue, err)
	}
	out.Scanned = len(ids)
	for part := range slices.Chunk(ids, maxBatch) {
		jobs, err := in.load(ctx, s, part)
		if err != nil {
			return Recent{}, err
		}
		for i := range jobs {
			jobs[i].met(entries)
		}
		out.Jobs = append(out.Jobs, jobs...)
		slices.SortFunc(out.Jobs, func(a, b JobInfo) int { // generated IDs rise within a ms, too
			return cmp.Or(b.Created.Compare(a.Created), strings.Compare(b.ID, a.ID))
		})
		clear(out.Jobs[min(n, len(out.Jobs)):]) // payloads
		out.Jobs = out.Jobs[:min(n, len(out.Jobs))]
	}
	return out, nil
}

// recentPlaces are where jobs are. The newest are mostly at the end.
var recentPlaces = []string{"leased", "retry", "dead", "done", "high", "low", "ready", "delayed"}

// latest returns the ids of jobs that may be the newest, each once, and what the entries of ready ones say. It
// sets Total and Cut.
func (in *Inspector) latest(ctx context.Context, s *shard, out *Recent) ([]string, map[string]Run, error) {
	pipe := in.c.rdb.Pipeline()
	total, sizes := pipe.HLen(ctx, s.keys["jobs"]), map[string]*redis.IntCmd{}
	for _, place := range recentPlaces {
		if keyForms[place].kind == "list" {
			sizes[place] = pipe.LLen(ctx, s.keys[place])
		} else {
			sizes[place] = pipe.ZCard(ctx, s.keys[place])
		}
	}
	if err := exec(ctx, pipe); err != nil {
		return nil, nil, err
	}
	out.Total = int(total.Val())
	// The small ones first: what they leave of their share is for the others.
	places := slices.SortedFunc(slices.Values(recentPlaces), func(a, b string) int { return cmp.Compare(sizes[a].Val(), sizes[b].Val()) })
	pipe = in.c.rdb.Pipeline()
	var sets, lists []*redis.StringSliceCmd
	left := int64(recentScan)
	for i, place := range places {
		key, size := s.keys[place], sizes[place].Val()
		take := min(size, left/int64(len(places)-i))
		left -= take
		out.Cut = out.Cut || take < size
		switch {
		case take == 0:
		case keyForms[place].kind == "list":
			lists = append(lists, pipe.LRange(ctx, key, -take, -1))
		case place == "delayed" && take < size:
			sets = append(sets, pipe.ZRange(ctx, key, 0, take/2-1), pipe.ZRange(ctx, key, -(take-take/2), -1))
		default:
			sets = append(sets, pipe.ZRange(ctx, key, -take, -1))
		}
	}
	if len(sets)+len(lists) == 0 {
		return nil, nil, nil
	}
	if err := exec(ctx, pipe); err != nil {
		return nil, nil, err
	}
	var ids []string
	entries := map[string]Run{}
	for _, list := range lists {
		maps.Copy(entries, splitEntries(list.Val()))
	}
	for _, part := range slices.Concat(sets, lists) {
		ids = append(ids, part.Val()...)
	}
	slices.Sort(ids)
	return slices.Compact(ids), entries, nil
}
