package dashboard

import (
	"time"

	"github.com/dueq-io/dueq/queue"
)

// reach is how far a horizon looks ahead, in bars of one length.
type reach struct {
	// name is what a query calls it.
	name  string
	label phrase
	step  time.Duration
	bars  int
	// within says the same in a sentence, unit the length of a bar: jobs a minute.
	within, unit phrase
}

var reaches = []reach{
	{"1h", say("1 h"), time.Minute, 60, say("within the hour"), say("a minute")},
	{"24h", say("24 h"), 15 * time.Minute, 96, say("within 24 h"), say("in 15 min")},
	{"7d", say("7 d"), 6 * time.Hour, 28, say("within 7 days"), say("in 6 h")},
}

// reachOf is the one of that name, and the hour for any other.
func reachOf(name string) reach {
	for _, r := range reaches {
		if r.name == name {
			return r
		}
	}
	return reaches[0]
}

// bounds are the ends of the bars, from now on.
func (r reach) bounds() []time.Duration {
	out := make([]time.Duration, r.bars)
	for i := range out {
		out[i] = time.Duration(i+1) * r.step
	}
	return out
}

// horizon is what becomes due when, in one queue or in several, and what backlog that foretells.
type horizon struct {
	reach
	// queue is whose; empty: of all in sight.
	queue string
	queue.Horizon
	// capacity is how many jobs can be expected to run in one bar, by the busiest minute of the last hour; 0
	// where none ran.
	capacity float64
	// backlog is how many jobs can be expected to wait at the end of each bar, beyond those that wait for
	// nothing: of jobs known of now, if workers do no more than in that busiest minute.
	backlog []float64
	// blind says that queues with jobs to come have not run any in the last hour, so that nothing is foretold
	// of theirs.
	blind int
}

// add takes one queue into a horizon. perSecond is what its workers did in their busiest minute.
func (h *horizon) add(part *queue.Horizon, ready int64, perSecond float64, paused bool) {
	if h.Bars == nil {
		h.Now = part.Now
		h.Bars = make([]queue.Bar, len(part.Bars))
		h.backlog = make([]float64, len(part.Bars))
	}
	h.Overdue = plusWaiting(h.Overdue, part.Overdue)
	h.Later = plusWaiting(h.Later, part.Later)
	foretold := perSecond > 0 && !paused
	capacity := perSecond * h.step.Seconds()
	backlog := float64(ready + total(part.Overdue))
	coming := backlog
	for i := range min(len(part.Bars), len(h.Bars)) {
		bar := &h.Bars[i]
		bar.From, bar.To = part.Bars[i].From, part.Bars[i].To
		bar.WaitingJobs = plusWaiting(bar.WaitingJobs, part.Bars[i].WaitingJobs)
		due := float64(total(part.Bars[i].WaitingJobs))
		coming += due
		if foretold {
			backlog = max(0, backlog+due-capacity)
			h.backlog[i] += backlog
		}
	}
	if foretold {
		h.capacity += capacity
	} else if coming > 0 && !paused {
		h.blind++
	}
}

func total(w queue.WaitingJobs) int64 { return w.Delayed + w.Retrying }

func plusWaiting(a, b queue.WaitingJobs) queue.WaitingJobs {
	return queue.WaitingJobs{Delayed: a.Delayed + b.Delayed, Retrying: a.Retrying + b.Retrying}
}

// due is what is due in the bars.
func (h *horizon) due() queue.WaitingJobs {
	var out queue.WaitingJobs
	for i := range h.Bars {
		out = plusWaiting(out, h.Bars[i].WaitingJobs)
	}
	return out
}

// peak is the most that can be expected to wait at the end of a bar, and which bar. The last return is the
// bar with whose end nothing waits any more; as many as there are bars when that is not in sight.
func (h *horizon) peak() (jobs float64, at, over int) {
	for i, n := range h.backlog {
		if n > jobs {
			jobs, at = n, i
		}
		if n >= 1 {
			over = i + 1
		}
	}
	return jobs, at, over
}
