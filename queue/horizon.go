package queue

import (
	"context"
	"fmt"
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
// each at least 1 ms later than the one before, 1 to 500 of them; the first bar begins now. It is one pipeline,
// of two commands for each bar, whose work does not grow with the number of jobs.
func (in *Inspector) Horizon(ctx context.Context, queue string, bounds []time.Duration) (Horizon, error) {
	all, err := in.Horizons(ctx, bounds, queue)
	if err != nil {
		return Horizon{}, err
	}
	return all[0], nil
}

// Horizons is Horizon for the queues named, or for all of the namespace by name, in one pipeline.
func (in *Inspector) Horizons(ctx context.Context, bounds []time.Duration, queues ...string) ([]Horizon, error) {
	if err := checkBounds(bounds); err != nil {
		return nil, err
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
	pipe := in.c.rdb.Pipeline()
	readings := make([][2]dues, len(names))
	for i, name := range names {
		s := in.c.lineOf(name).shard
		for k, set := range []string{"delayed", "retry"} {
			readings[i][k] = askDues(ctx, pipe, s.keys[set], now, bounds)
		}
	}
	if err := exec(ctx, pipe); err != nil {
		return nil, fmt.Errorf("read horizon: %w", err)
	}
	out := make([]Horizon, len(names))
	for i, name := range names {
		delayed, retrying := readings[i][0].parts(), readings[i][1].parts()
		last := len(bounds) + 1
		h := Horizon{
			Queue: name, Now: now, Bars: make([]Bar, len(bounds)),
			Overdue: WaitingJobs{delayed[0], retrying[0]}, Later: WaitingJobs{delayed[last], retrying[last]},
		}
		from := now
		for k, end := range bounds {
			h.Bars[k] = Bar{from, now.Add(end), WaitingJobs{delayed[k+1], retrying[k+1]}}
			from = h.Bars[k].To
		}
		out[i] = h
	}
	return out, nil
}

func checkBounds(bounds []time.Duration) error {
	if len(bounds) < 1 || len(bounds) > maxBars {
		return fmt.Errorf("%w: %d bars: want 1 to %d", ErrInvalid, len(bounds), maxBars)
	}
	before := time.Duration(0)
	for i, end := range bounds {
		if end < before+time.Millisecond || end > limitMaxDelay || end%time.Millisecond != 0 {
			return fmt.Errorf("%w: bar %d ends at %v: want whole ms, more than the one before, at most %v", ErrInvalid, i, end, limitMaxDelay)
		}
		before = end
	}
	return nil
}

// dues are how many jobs of a set are due by each of several moments, and how many there are.
type dues []*redis.IntCmd

func askDues(ctx context.Context, pipe redis.Pipeliner, key string, now time.Time, bounds []time.Duration) dues {
	d := dues{pipe.ZCount(ctx, key, "-inf", strconv.FormatInt(now.UnixMilli(), 10))}
	for _, end := range bounds {
		d = append(d, pipe.ZCount(ctx, key, "-inf", "("+strconv.FormatInt(now.Add(end).UnixMilli(), 10)))
	}
	return append(d, pipe.ZCard(ctx, key))
}

// parts are the numbers between the moments. Since each is a difference, all together are the number of jobs
// whatever moves meanwhile.
func (d dues) parts() []int64 {
	out := make([]int64, len(d))
	before := int64(0)
	for i, count := range d {
		n := max(count.Val(), before)
		out[i], before = n-before, n
	}
	return out
}
