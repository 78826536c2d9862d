package dashboard

import (
	"time"

	"github.com/dueq-io/dueq/queue"
)

// activity is what the counters in Redis say about a queue, whoever has watched it.
type activity struct {
	// minute and five are the last 1 and 5 min; their To is zero when they were not read.
	minute, five queue.Activity
}

// hour is what a dashboard keeps of the series of the last hour.
type hour struct {
	known bool
	// dead is how many jobs were buried, best how many attempts a second ended in the busiest minute.
	dead int64
	best float64
	// series is the flow a second in the last sparkSteps steps that are over, the oldest first.
	series []flow
}

const (
	// lately and latelyToo are the spans that lateness and errors are judged by: long enough for a 99th
	// percentile, and short enough to see that it is over.
	lately    = 5 * time.Minute
	latelyToo = time.Minute
	// seriesStep is the resolution of the hour.
	seriesStep = 30 * time.Second
	hourSpan   = time.Hour
)

// newHour sums up a series of steps of seriesStep, of which the last is not over.
func newHour(s *queue.Series) hour {
	h := hour{known: true}
	var ended []int64
	for i := range s.Buckets {
		b := &s.Buckets[i]
		h.dead += b.Dead
		ended = append(ended, b.Done+b.Failed)
		if n := len(ended); n >= 2 {
			h.best = max(h.best, float64(ended[n-1]+ended[n-2])/(2*s.Step.Seconds()))
		}
	}
	whole := s.Buckets[:max(0, len(s.Buckets)-1)]
	for i := max(0, len(whole)-sparkSteps); i < len(whole); i++ {
		h.series = append(h.series, flowOf(&whole[i].Counts, s.Step))
	}
	return h
}

// flowOf is counts as a flow a second.
func flowOf(c *queue.Counts, span time.Duration) flow {
	seconds := span.Seconds()
	return flow{
		In: float64(c.Enqueued) / seconds, Out: float64(c.Done) / seconds,
		Failed: float64(c.Failed) / seconds, Promoted: float64(c.Promoted) / seconds,
	}
}

// late is the lateness of the jobs that have started lately, in its two parts.
type late struct {
	// n is how many have started. Without any, the times are negative.
	n int64
	// p50 and p99 are of the whole, lag is the 99th percentile of the part that promotion took, wait that of
	// the part for which jobs were ready.
	p50, p99, lag, wait time.Duration
}

func lateOf(a *queue.Activity) late {
	const half, most = 0.5, 0.99
	l := late{n: a.Lateness.Count(), p50: -1, p99: -1, lag: -1, wait: -1}
	if l.n == 0 {
		return l
	}
	l.p50, l.p99 = a.Lateness.Quantile(half), a.Lateness.Quantile(most)
	l.lag, l.wait = max(0, a.PromoteLag.Quantile(most)), a.Wait(most)
	return l
}
