package queue

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

// Horizon is when the jobs of a queue that wait become due. Each job is in exactly one of Overdue, Bars and
// Later.
type Horizon struct {
	Queue string `json:"queue"`
	// Now is Redis's time, in whole ms, from which the bars begin.
	Now time.Time `json:"now"`
	// Overdue are due and not yet promoted, Later due after the last bar.
	Overdue WaitingJobs `json:"overdue"`
	Bars    []Bar       `json:"bars"`
	Later   WaitingJobs `json:"later"`
}

// WaitingJobs is numbers of jobs.
type WaitingJobs struct {
	Delayed  int64 `json:"delayed"`
	Retrying int64 `json:"retrying"`
}

// Bar is the jobs that become due at From or after it, and before To.
type Bar struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
	WaitingJobs
}

// maxBars bounds the work of a Horizon.
const maxBars = 500

// Horizon counts the jobs that wait by when they are due. bounds are the ends of the bars, from Redis's now on,
// each later than the one before, 1 to 500 of them; the first bar begins now. Counting is one step of Redis:
// two commands for each bar, whose work does not grow with the number of jobs.
func (in *Inspector) Horizon(ctx context.Context, queue string, bounds []time.Duration) (Horizon, error) {
	all, err := in.Horizons(ctx, bounds, queue)
	if err != nil {
		return Horizon{}, err
	}
	return all[0], nil
}

// Horizons is Horizon for the queues named, or for all of the namespace by name. Each queue is one step.
func (in *Inspector) Horizons(ctx context.Context, bounds []time.Duration, queues ...string) ([]Horizon, error) {
	if len(bounds) < 1 || len(bounds) > maxBars {
		return nil, fmt.Errorf("%w: %d bars: want 1 to %d", ErrInvalid, len(bounds), maxBars)
	}
	for i, end := range bounds {
		if end < time.Millisecond || i > 0 && end-bounds[i-1] < time.Millisecond || end > limitMaxDelay {
			return nil, fmt.Errorf("%w: bar %d ends at %v: want at least 1ms more than the one before, and at most %v", ErrInvalid, i, end, limitMaxDelay)
		}
	}
	names, err := in.names(ctx, queues)
	if err != nil {
		return nil, err
	}
	now, err := in.now(ctx)
	if err != nil {
		return nil, err
	}
	now = now.Truncate(time.Millisecond)
	out := make([]Horizon, len(names))
	for i, name := range names {
		if out[i], err = in.horizon(ctx, name, now, bounds); err != nil {
			return nil, fmt.Errorf("horizon of %s: %w", name, err)
		}
	}
	return out, nil
}

func (in *Inspector) horizon(ctx context.Context, queue string, now time.Time, bounds []time.Duration) (Horizon, error) {
	s := in.c.lineOf(queue).shard
	h := Horizon{Queue: queue, Now: now, Bars: make([]Bar, len(bounds))}
	var counts [2][]*redis.IntCmd
	_, err := in.c.rdb.TxPipelined(ctx, func(pipe redis.Pipeliner) error {
		for i, set := range []string{"delayed", "retry"} {
			low := "(" + strconv.FormatInt(now.UnixMilli(), 10)
			counts[i] = append(counts[i], pipe.ZCount(ctx, s.keys[set], "-inf", low[1:]))
			for _, end := range bounds {
				// A time within a ms is before the next: due times are whole ms.
				to := strconv.FormatInt(now.Add(end).UnixMilli(), 10)
				counts[i] = append(counts[i], pipe.ZCount(ctx, s.keys[set], low, "("+to))
				low = to
			}
			counts[i] = append(counts[i], pipe.ZCount(ctx, s.keys[set], low, "+inf"))
		}
		return nil
	})
	if err != nil {
		_, err = classify(err)
		return Horizon{}, err
	}
	from := now
	for i, end := range slices.Concat([]time.Duration{0}, bounds, []time.Duration{0}) {
		w := WaitingJobs{Delayed: counts[0][i].Val(), Retrying: counts[1][i].Val()}
		switch i {
		case 0:
			h.Overdue = w
		case len(bounds) + 1:
			h.Later = w
		default:
			to := now.Add(end).Truncate(time.Millisecond)
			h.Bars[i-1] = Bar{From: from, To: to, WaitingJobs: w}
			from = to
		}
	}
	return h, nil
}
