package queue

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

// Inspector is what operators read and do: the depth of queues, single jobs, pause and resume, requeue
// and purge. It is safe for concurrent use. Reading never writes, and no call does work that grows with
// the depth of a queue.
type Inspector struct{ c *Client }

// QueueInfo is the depth and the health of one queue at one moment.
type QueueInfo struct {
	Name string `json:"name"`
	// Delayed, Ready, Leased, Retrying, Dead and Done are numbers of jobs. Ready is all priorities.
	Delayed  int64 `json:"delayed"`
	Ready    int64 `json:"ready"`
	Leased   int64 `json:"leased"`
	Retrying int64 `json:"retrying"`
	Dead     int64 `json:"dead"`
	Done     int64 `json:"done"`
	// Overdue is how many jobs are due but not yet ready: above 0 for long means that no mover runs.
	Overdue int64 `json:"overdue"`
	// OverdueAge is how long the first of them has been due.
	OverdueAge time.Duration `json:"overdue_age_ns"`
	// OldestReady is how long a job at the head of a ready list has been due, the longest of the priorities.
	OldestReady time.Duration `json:"oldest_ready_ns"`
	// NextDue is the time until the next job is due; negative when none waits or one is overdue.
	NextDue time.Duration `json:"next_due_ns"`
	// Paused says that workers get no jobs, Closed that producers are refused.
	Paused bool `json:"paused"`
	Closed bool `json:"closed"`
	// MaxLen is the number of jobs, dead and done aside, at which Enqueue is refused; 0: no limit.
	MaxLen int64 `json:"max_len"`
	// Counts is how often each verb was carried out on a job since the queue began.
	Counts map[string]int64 `json:"counts"`
}

// State returns the depth of one state.
func (q *QueueInfo) State(s State) int64 {
	return map[State]int64{
		Delayed: q.Delayed, Ready: q.Ready, Leased: q.Leased, Retrying: q.Retrying, Dead: q.Dead, Done: q.Done,
	}[s]
}

// Queues returns all queues of the namespace, by name.
func (in *Inspector) Queues(ctx context.Context) ([]QueueInfo, error) {
	names, err := in.c.Broker().Queues(ctx)
	if err != nil {
		return nil, err
	}
	slices.Sort(names)
	return in.queues(ctx, names)
}

// Queue returns one queue. A queue that never had a job is not an error: it is empty.
func (in *Inspector) Queue(ctx context.Context, name string) (QueueInfo, error) {
	if err := checkQueue(name); err != nil {
		return QueueInfo{}, err
	}
	all, err := in.queues(ctx, []string{name})
	if err != nil {
		return QueueInfo{}, err
	}
	return all[0], nil
}

// reading is the commands of one queue in a pipeline.
type reading struct {
	sizes map[string]*redis.IntCmd
	heads map[string]*redis.ZSliceCmd
	ready []*redis.StringCmd
	meta  *redis.SliceCmd
	stats *redis.MapStringStringCmd
	late  []*redis.IntCmd
}

func (in *Inspector) queues(ctx context.Context, names []string) ([]QueueInfo, error) {
	if len(names) == 0 {
		return nil, nil
	}
	now, err := in.now(ctx)
	if err != nil {
		return nil, err
	}
	pipe := in.c.rdb.Pipeline()
	readings := make([]*reading, len(names))
	for i, name := range names {
		readings[i] = ask(ctx, pipe, in.c.lineOf(name).shard, now)
	}
	if err := exec(ctx, pipe); err != nil {
		return nil, fmt.Errorf("read queues: %w", err)
	}
	out := make([]QueueInfo, len(names))
	for i, name := range names {
		out[i] = readings[i].info(name, now)
	}
	return out, nil
}

func ask(ctx context.Context, pipe redis.Pipeliner, s *shard, now time.Time) *reading {
	r := &reading{sizes: map[string]*redis.IntCmd{}, heads: map[string]*redis.ZSliceCmd{}}
	ms := strconv.FormatInt(now.UnixMilli(), 10)
	for _, name := range []string{"delayed", "retry"} {
		r.heads[name] = pipe.ZRangeWithScores(ctx, s.keys[name], 0, 0)
		r.late = append(r.late, pipe.ZCount(ctx, s.keys[name], "-inf", ms))
	}
	for _, name := range []string{"delayed", "retry", "leased", "dead", "done"} {
		r.sizes[name] = pipe.ZCard(ctx, s.keys[name])
	}
	for _, name := range []string{"high", "ready", "low"} {
		r.sizes[name] = pipe.LLen(ctx, s.keys[name])
		r.ready = append(r.ready, pipe.LIndex(ctx, s.keys[name], 0))
	}
	for _, name := range []string{"ghosts", "jobs"} {
		r.sizes[name] = pipe.HLen(ctx, s.keys[name])
	}
	r.meta = pipe.HMGet(ctx, s.keys["meta"], "paused", "closed", "max_len")
	r.stats = pipe.HGetAll(ctx, s.keys["stats"])
	return r
}

// oldest is when the first of the jobs at the heads of the ready lists became due.
func (r *reading) oldest() (first time.Time, ok bool) {
	for _, head := range r.ready {
		if head.Val() == "" {
			continue
		}
		if _, run := splitEntry(head.Val()); !ok || run.Due.Before(first) {
			first, ok = run.Due, true
		}
	}
	return first, ok
}

func (r *reading) info(name string, now time.Time) QueueInfo {
	q := QueueInfo{
		Name:     name,
		Delayed:  r.sizes["delayed"].Val(),
		Retrying: r.sizes["retry"].Val(),
		Leased:   r.sizes["leased"].Val(),
		Dead:     r.sizes["dead"].Val(),
		Done:     r.sizes["done"].Val(),
		Ready:    r.sizes["high"].Val() + r.sizes["ready"].Val() + r.sizes["low"].Val(),
		NextDue:  -1,
		Counts:   map[string]int64{},
	}
	if r.sizes["ghosts"].Val() > 0 {
		// Some entries are of jobs that left the lists, one job's perhaps several: ready is what has a
		// record and is nowhere else.
		q.Ready = max(0, r.sizes["jobs"].Val()-q.Delayed-q.Retrying-q.Leased-q.Dead-q.Done)
	}
	for _, late := range r.late {
		q.Overdue += late.Val()
	}
	first := time.Time{}
	for _, head := range r.heads {
		if z := head.Val(); len(z) > 0 {
			if due := time.UnixMilli(int64(z[0].Score)); first.IsZero() || due.Before(first) {
				first = due
			}
		}
	}
	switch {
	case first.IsZero():
	case q.Overdue > 0:
		q.OverdueAge = now.Sub(first)
	default:
		q.NextDue = first.Sub(now)
	}
	if due, ok := r.oldest(); ok && q.Ready > 0 {
		q.OldestReady = max(0, now.Sub(due))
	}
	if meta := r.meta.Val(); len(meta) == 3 {
		q.Paused, q.Closed = meta[0] != nil, meta[1] != nil
		if limit, ok := meta[2].(string); ok {
			q.MaxLen, _ = strconv.ParseInt(limit, 10, 64)
		}
	}
	for verb, count := range r.stats.Val() {
		q.Counts[verb], _ = strconv.ParseInt(count, 10, 64)
	}
	return q
}

// now is Redis's time, as scripts see it.
func (in *Inspector) now(ctx context.Context) (time.Time, error) {
	t, err := in.c.rdb.Time(ctx).Result()
	if err != nil {
		_, err := classify(err)
		return time.Time{}, fmt.Errorf("read redis's time: %w", err)
	}
	return t.Add(time.Duration(in.c.shiftMS.Load()) * time.Millisecond), nil
}

// exec runs a pipeline of reads, in which missing values are no errors.
func exec(ctx context.Context, pipe redis.Pipeliner) error {
	cmds, err := pipe.Exec(ctx)
	if err == nil || errors.Is(err, redis.Nil) {
		err = nil
		for _, cmd := range cmds {
			if e := cmd.Err(); e != nil && !errors.Is(e, redis.Nil) {
				err = e
				break
			}
		}
	}
	if err == nil {
		return nil
	}
	_, err = classify(err)
	return err
}
