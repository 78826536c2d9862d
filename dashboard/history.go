package dashboard

import (
	"time"

	"github.com/dueq-io/dueq/queue"
)

// rateWindow is how far back a rate looks: long enough not to jump, short enough to show a change.
const rateWindow = 10 * time.Second

// flow is what went through a queue, in jobs, or in jobs a second where it is a rate.
type flow struct {
	// In is jobs enqueued, Out jobs acked, Failed attempts that ended in a retry or in dead, Promoted
	// jobs that became ready by the mover, Started jobs that were leased.
	In, Out, Failed, Promoted, Started float64
}

func (f flow) plus(g flow, times float64) flow {
	return flow{
		In: f.In + g.In*times, Out: f.Out + g.Out*times, Failed: f.Failed + g.Failed*times,
		Promoted: f.Promoted + g.Promoted*times, Started: f.Started + g.Started*times,
	}
}

// counted is the flow since the queue began, by the counters of its verbs.
func counted(q *queue.QueueInfo) flow {
	return flow{
		In: float64(q.Counts["enqueue"]), Out: float64(q.Counts["ack"]), Failed: float64(q.Counts["retry"] + q.Counts["bury"]),
		Promoted: float64(q.Counts["promote"]), Started: float64(q.Counts["lease"]),
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
		In: grown(f.In, before.In), Out: grown(f.Out, before.Out), Failed: grown(f.Failed, before.Failed),
		Promoted: grown(f.Promoted, before.Promoted), Started: grown(f.Started, before.Started),
	}
}

// history is what one process has seen of one queue in the last rateWindow. It is finer than the series in
// Redis, whose newest step has only begun. It is not safe for concurrent use.
type history struct {
	last flow
	// started and promoted are when a job was last seen to have been, at the earliest the first sample.
	started, promoted time.Time
	// recent are the growths since the sample before, the first one only for its moment and its ready.
	recent []growth
	// unreadable says that the queue could not be read when it was last tried.
	unreadable bool
}

type growth struct {
	at    time.Time
	ready int64
	flow
}

// add notes a queue at a moment later than all before.
func (h *history) add(at time.Time, q *queue.QueueInfo) {
	now := counted(q)
	if len(h.recent) == 0 {
		h.last, h.started, h.promoted = now, at, at
	}
	grown := now.since(h.last)
	if grown.Started > 0 {
		h.started = at
	}
	if grown.Promoted > 0 {
		h.promoted = at
	}
	h.recent = append(h.recent, growth{at, q.Ready, grown})
	h.last = now
	for len(h.recent) > 2 && at.Sub(h.recent[1].at) >= rateWindow {
		h.recent = h.recent[1:]
	}
}

// rate is the flow a second over the last rateWindow, and by how many jobs a second ready has grown; false
// before the second sample.
func (h *history) rate() (sum flow, grown float64, known bool) {
	if len(h.recent) < 2 {
		return flow{}, 0, false
	}
	first, last := h.recent[0], h.recent[len(h.recent)-1]
	seconds := last.at.Sub(first.at).Seconds()
	if seconds <= 0 {
		return flow{}, 0, false
	}
	for _, g := range h.recent[1:] {
		sum = sum.plus(g.flow, 1)
	}
	return flow{}.plus(sum, 1/seconds), float64(last.ready-first.ready) / seconds, true
}

// still is for how long no job was started, unmoved for how long none was promoted.
func (h *history) still() (still, unmoved time.Duration) {
	now := h.recent[len(h.recent)-1].at
	return max(0, now.Sub(h.started)), max(0, now.Sub(h.promoted))
}
