package dashboard

import (
	"time"

	"github.com/dueq-io/dueq/queue"
)

const (
	// rateWindow is how far back a rate looks: long enough not to jump, short enough to show a change.
	rateWindow = 10 * time.Second
	// sparkStep and sparkSteps are the buckets of a sparkline: the last three minutes.
	sparkStep  = 3 * time.Second
	sparkSteps = 60
	sparkSpan  = sparkSteps * sparkStep
)

// flow is what went through a queue, in jobs, or in jobs a second where it is a rate.
type flow struct {
	// In is jobs enqueued, Out jobs acked, Failed attempts that ended in a retry or in dead, Promoted
	// jobs that became ready by the mover.
	In, Out, Failed, Promoted float64
}

func (f flow) plus(g flow, times float64) flow {
	return flow{
		In: f.In + g.In*times, Out: f.Out + g.Out*times,
		Failed: f.Failed + g.Failed*times, Promoted: f.Promoted + g.Promoted*times,
	}
}

// counted is the flow since the queue began, by the counters of its verbs.
func counted(q *queue.QueueInfo) flow {
	return flow{
		In: float64(q.Counts["enqueue"]), Out: float64(q.Counts["ack"]),
		Failed: float64(q.Counts["retry"] + q.Counts["bury"]), Promoted: float64(q.Counts["promote"]),
	}
}

// since is the growth from an earlier count. Counters that have fallen began anew, so all they show is
// growth.
func (f flow) since(before flow) flow {
	grown := func(now, before float64) float64 {
		if now < before {
			return now
		}
		return now - before
	}
	return flow{
		In: grown(f.In, before.In), Out: grown(f.Out, before.Out),
		Failed: grown(f.Failed, before.Failed), Promoted: grown(f.Promoted, before.Promoted),
	}
}

// history is what one process has seen of the counters of one queue. It is not safe for concurrent use.
type history struct {
	began time.Time
	last  flow
	// recent are the growths of the last rateWindow, the first one only for its moment.
	recent []growth
	// buckets is a ring: the growth in each sparkStep since the epoch, modulo sparkSteps.
	buckets [sparkSteps]flow
	// unreadable says that the queue could not be read when it was last tried.
	unreadable bool
}

type growth struct {
	at time.Time
	flow
}

// add notes the counters at a moment later than all before.
func (h *history) add(at time.Time, now flow) {
	if h.began.IsZero() {
		h.began, h.last = at, now
		h.recent = []growth{{at: at}}
		return
	}
	grown := now.since(h.last)
	before := h.recent[len(h.recent)-1].at
	h.last = now
	h.recent = append(h.recent, growth{at, grown})
	for len(h.recent) > 2 && at.Sub(h.recent[1].at) >= rateWindow {
		h.recent = h.recent[1:]
	}
	h.spread(before, at, grown)
}

// spread lays a growth evenly over the buckets between two samples, which may be further apart than a
// bucket is wide, and empties those that begin with it.
func (h *history) spread(from, to time.Time, grown flow) {
	length := to.Sub(from)
	if length <= 0 {
		return
	}
	first := from
	if length > sparkSpan {
		first = to.Add(-sparkSpan)
	}
	for start := first.Truncate(sparkStep); start.Before(to); start = start.Add(sparkStep) {
		bucket := &h.buckets[slot(start)]
		if !start.Before(from) {
			*bucket = flow{}
		}
		overlap := earlier(to, start.Add(sparkStep)).Sub(later(from, start))
		*bucket = bucket.plus(grown, float64(overlap)/float64(length))
	}
}

func slot(start time.Time) int {
	return int(start.UnixNano() / int64(sparkStep) % sparkSteps)
}

// rate is the flow a second over the last rateWindow; false before the second sample.
func (h *history) rate() (flow, bool) {
	var sum flow
	if len(h.recent) < 2 {
		return sum, false
	}
	for _, g := range h.recent[1:] {
		sum = sum.plus(g.flow, 1)
	}
	seconds := h.recent[len(h.recent)-1].at.Sub(h.recent[0].at).Seconds()
	if seconds <= 0 {
		return sum, false
	}
	return flow{}.plus(sum, 1/seconds), true
}

// series is the flow a second in each whole bucket that was seen, oldest first, at most sparkSteps-1.
// The bucket that has only begun is left out: it would always seem to fall.
func (h *history) series() []flow {
	now := h.recent[len(h.recent)-1].at.Truncate(sparkStep)
	first := later(h.began.Truncate(sparkStep), now.Add(-sparkSpan+sparkStep))
	var out []flow
	for start := first; start.Before(now); start = start.Add(sparkStep) {
		seen := start.Add(sparkStep).Sub(later(start, h.began)).Seconds()
		if seen <= 0 {
			continue
		}
		out = append(out, flow{}.plus(h.buckets[slot(start)], 1/seen))
	}
	return out
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
