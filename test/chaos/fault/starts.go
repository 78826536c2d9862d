package fault

import (
	"slices"
	"time"

	"github.com/dueq-io/dueq/test/chaos/history"
)

// first is the first start of a job, by the monotonic clock.
type first struct {
	invoked, start int64
	delay          time.Duration
}

// late is how long after its time, which no clock of the day can move, the job started.
func (f first) late() time.Duration { return history.Since(f.invoked, f.start) - f.delay }

// firsts are the first starts of all jobs that were enqueued and started.
func firsts(records []history.Record) []first {
	all := map[uint32]first{}
	for _, e := range records {
		f := all[e.Seq]
		switch {
		case e.Type == history.EnqueueInvoked:
			f.invoked, f.delay = e.Mono, time.Duration(e.Aux)*time.Millisecond
		case e.Type == history.Started && (f.start == 0 || e.Mono < f.start):
			f.start = e.Mono
		default:
			continue
		}
		all[e.Seq] = f
	}
	out := make([]first, 0, len(all))
	for _, f := range all {
		if f.invoked != 0 && f.start != 0 {
			out = append(out, f)
		}
	}
	return out
}

// again is when a run that a kill met, and the next run of its job, began.
type again struct{ lost, start int64 }

// rerun are the runs of a worker that had not ended when it was killed. A job that was never run again
// counts as one run at the end of the history.
func rerun(records []history.Record, worker uint16, killed int64) (out []again) {
	records = slices.Clone(records)
	slices.SortFunc(records, func(a, b history.Record) int { return int(a.Mono - b.Mono) })
	open := map[uint32]again{}
	for _, e := range records {
		if e.Mono > killed {
			if a, ok := open[e.Seq]; ok && e.Type == history.Started {
				out = append(out, again{a.lost, e.Mono})
				delete(open, e.Seq)
			}
			continue
		}
		if e.Worker != worker {
			continue
		}
		switch e.Type {
		case history.Started:
			open[e.Seq] = again{lost: e.Mono}
		case history.EndedOK, history.EndedError:
			delete(open, e.Seq)
		default: // says nothing of a run's beginning or end
		}
	}
	for _, a := range open {
		out = append(out, again{a.lost, records[len(records)-1].Mono})
	}
	return out
}
