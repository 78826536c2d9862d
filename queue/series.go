package queue

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// Counts is what happened to the jobs of a queue in a span of time, counted by the scripts of the moves.
type Counts struct {
	// Enqueued, Promoted, Started (leased), Done (acked), Retried, Snoozed, Released, Dead (buried), Dropped,
	// Reaped, Rescheduled, Cancelled and Requeued are numbers of jobs, those of the verbs.
	Enqueued    int64 `json:"enqueued"`
	Promoted    int64 `json:"promoted"`
	Started     int64 `json:"started"`
	Done        int64 `json:"done"`
	Retried     int64 `json:"retried"`
	Snoozed     int64 `json:"snoozed"`
	Released    int64 `json:"released"`
	Dead        int64 `json:"dead"`
	Dropped     int64 `json:"dropped"`
	Reaped      int64 `json:"reaped"`
	Rescheduled int64 `json:"rescheduled"`
	Cancelled   int64 `json:"cancelled"`
	Requeued    int64 `json:"requeued"`
	// Failed is how often a handler has failed: each Retried, and the failures with which jobs were Dead.
	Failed int64 `json:"failed"`
	// Expired is how many jobs had not started when their Expires passed, buried or dropped.
	Expired int64 `json:"expired"`
	// Extended is leases that heartbeats extended, Purged jobs whose retention was over, Repaired jobs that an
	// audit put in order.
	Extended int64 `json:"extended"`
	Purged   int64 `json:"purged"`
	Repaired int64 `json:"repaired"`
	// Lateness is start minus due of each job Started. A job that is retried is due again, one that was reaped
	// or requeued was due at that moment, and one that was released keeps its due time.
	Lateness Histogram `json:"lateness"`
	// PromoteLag is promotion minus due of each job Promoted: the part of Lateness that is the scheduler's.
	PromoteLag Histogram `json:"promote_lag"`
}

// Wait estimates a quantile of the time for which jobs were ready before they started, the part of Lateness
// that is the workers': the quantile of Lateness less that of PromoteLag, jobs that were never promoted having
// none. It is no measurement: a ready job carries its due time and not when it became ready. It is exact where
// either part is next to nothing, and never above Lateness. Negative: no job has started.
func (c *Counts) Wait(q float64) time.Duration {
	late := c.Lateness.Quantile(q)
	if late < 0 {
		return late
	}
	lag := c.PromoteLag
	lag[0] += max(0, c.Lateness.Count()-lag.Count())
	return max(0, late-max(0, lag.Quantile(q)))
}

// Add counts all that other has counted.
func (c *Counts) Add(other *Counts) {
	numbers := c.numbers()
	for i, n := range other.numbers() {
		*numbers[i] += *n
	}
	c.Lateness.Add(&other.Lateness)
	c.PromoteLag.Add(&other.PromoteLag)
}

// Bucket is the Counts of one step of a Series.
type Bucket struct {
	// Start is the beginning of the step, by Redis's clock; the step ends where the next begins.
	Start time.Time `json:"start"`
	Counts
}

// Series is a queue's Counts over time.
type Series struct {
	Queue string `json:"queue"`
	// Step is the length of each of Buckets, which follow one another without a gap, the oldest first. Where
	// nothing happened a bucket is empty. The last one may not be over yet.
	Step    time.Duration `json:"step_ns"`
	Buckets []Bucket      `json:"buckets"`
	// Now is Redis's time when the series was read.
	Now time.Time `json:"now"`
}

// How long counts are kept at which resolution.
const (
	// FineStep is the finest step of a Series, for what is younger than FineAge.
	FineStep = 10 * time.Second
	FineAge  = time.Hour
	// MinuteAge is the age up to which a step may be a minute.
	MinuteAge = 48 * time.Hour
	// SeriesAge is how long counts are kept, with steps of an hour at the end.
	SeriesAge = 90 * 24 * time.Hour
	// maxBuckets bounds what one call returns.
	maxBuckets = 10_000
)

// Series returns the counts of a queue from one moment to another, by Redis's clock, in steps. The range is
// widened to whole steps, and cut to what can be there: SeriesAge ago to now. A step is 10 s, 1 min or 1 h or
// a multiple of one of them that divides the next; 0 is the finest that the range has. One that is finer than
// what is kept of the oldest part of the range (FineAge, MinuteAge) is made as long as that: see Step in the
// result. It returns ErrInvalid where to is not after from, for another step, and for more than 10,000 steps.
func (in *Inspector) Series(ctx context.Context, queue string, from, to time.Time, step time.Duration) (Series, error) {
	if err := checkQueue(queue); err != nil {
		return Series{}, err
	}
	now, err := in.now(ctx)
	if err != nil {
		return Series{}, err
	}
	frame, err := frameOf(from, to, step, now)
	if err != nil {
		return Series{}, err
	}
	frame.Queue = queue
	if len(frame.Buckets) == 0 {
		return frame, nil
	}
	pipe := in.c.rdb.Pipeline()
	first := frame.Buckets[0].Start
	reading := askSeries(ctx, pipe, in.c.lineOf(queue).shard, first, first.Add(frame.Step*time.Duration(len(frame.Buckets))))
	if err := exec(ctx, pipe); err != nil {
		return Series{}, fmt.Errorf("read series of %s: %w", queue, err)
	}
	for _, e := range reading.entries() {
		if i := int(e.at.Sub(first) / frame.Step); !e.at.Before(first) && i < len(frame.Buckets) {
			frame.Buckets[i].add(e.columns)
		}
	}
	return frame, nil
}

// frameOf is a Series without counts.
func frameOf(from, to time.Time, step time.Duration, now time.Time) (Series, error) {
	if !to.After(from) {
		return Series{}, fmt.Errorf("%w: range from %v to %v: want an end after the start", ErrInvalid, from, to)
	}
	if step < 0 || step > 0 && !wholeStep(step) {
		return Series{}, fmt.Errorf("%w: step %v: want 10s, 1m or 1h, or several of one that make up the next", ErrInvalid, step)
	}
	oldest := now.Add(-SeriesAge)
	if from.Before(oldest) {
		from = oldest
	}
	if to.After(now) {
		to = now.Add(time.Millisecond)
	}
	s := Series{Step: max(step, finest(now.Sub(from))), Now: now}
	if !to.After(from) {
		return s, nil // all of it is too old, or still to come
	}
	first, last := from.Truncate(s.Step), to.Add(-1).Truncate(s.Step)
	n := int(last.Sub(first)/s.Step) + 1
	if n > maxBuckets {
		return Series{}, fmt.Errorf("%w: %d steps of %v: want at most %d", ErrInvalid, n, s.Step, maxBuckets)
	}
	s.Buckets = make([]Bucket, n)
	for i := range s.Buckets {
		s.Buckets[i].Start = first.Add(time.Duration(i) * s.Step)
	}
	return s, nil
}

// wholeStep says whether buckets of a step begin where a coarser one begins.
func wholeStep(step time.Duration) bool {
	for _, unit := range []time.Duration{time.Minute, time.Hour, 24 * time.Hour} {
		if step < unit {
			return step%FineStep == 0 && unit%step == 0
		}
	}
	return step%(24*time.Hour) == 0 && step <= SeriesAge
}

// finest is the finest step of what is as old as that.
func finest(age time.Duration) time.Duration {
	switch {
	case age <= FineAge:
		return FineStep
	case age <= MinuteAge:
		return time.Minute
	default:
		return time.Hour
	}
}

// Activity is what happened in a queue in the last minutes.
type Activity struct {
	Queue string `json:"queue"`
	// From and To are the span of the Counts, by Redis's clock: From is at the beginning of a bucket of 10 s,
	// To is now.
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
	Counts
	// Total is all that was ever counted, so that it only rises: for a monitoring system, which works out by
	// itself what happened when.
	Total Counts `json:"total"`
}

// PerSecond returns a number of jobs out of the Counts as a rate.
func (a *Activity) PerSecond(jobs int64) float64 {
	if span := a.To.Sub(a.From).Seconds(); span > 0 {
		return float64(jobs) / span
	}
	return 0
}

// ErrorShare returns which share of the attempts that ended have failed, 0 to 1, and how many ended.
func (a *Activity) ErrorShare() (share float64, ended int64) {
	if ended = a.Done + a.Failed; ended == 0 {
		return 0, 0
	}
	return float64(a.Failed) / float64(ended), ended
}

// Activity returns what happened in the last window, 10 s to FineAge, in the queues named, or in all of the
// namespace by name. It is one pipeline, whatever the number of queues.
func (in *Inspector) Activity(ctx context.Context, window time.Duration, queues ...string) ([]Activity, error) {
	if window < FineStep || window > FineAge {
		return nil, fmt.Errorf("%w: window %v: want %v to %v", ErrInvalid, window, FineStep, FineAge)
	}
	names, err := in.names(ctx, queues)
	if err != nil {
		return nil, err
	}
	now, err := in.now(ctx)
	if err != nil {
		return nil, err
	}
	pipe := in.c.rdb.Pipeline()
	from := now.Add(-window).Truncate(FineStep)
	readings := make([]*seriesReading, len(names))
	for i, name := range names {
		readings[i] = askSeries(ctx, pipe, in.c.lineOf(name).shard, from, now)
	}
	if err := exec(ctx, pipe); err != nil {
		return nil, fmt.Errorf("read activity: %w", err)
	}
	out := make([]Activity, len(names))
	for i, name := range names {
		out[i] = Activity{Queue: name, From: from, To: now}
		for _, e := range readings[i].entries() {
			if !e.at.Before(from) && e.at.Before(now) {
				out[i].add(e.columns)
			}
		}
		out[i].Total.add(readings[i].totals())
	}
	return out, nil
}

// names checks names of queues; none stand for all of the namespace, sorted.
func (in *Inspector) names(ctx context.Context, queues []string) ([]string, error) {
	for _, name := range queues {
		if err := checkQueue(name); err != nil {
			return nil, err
		}
	}
	if len(queues) > 0 {
		return queues, nil
	}
	names, err := in.c.Broker().Queues(ctx)
	slices.Sort(names)
	return names, err
}
