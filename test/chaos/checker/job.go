package checker

import (
	"math"
	"slices"
	"time"

	"github.com/dueq-io/dueq/test/chaos/history"
)

// run is one start of a job. end is when its handler was about to return, math.MaxInt64 if it never was.
type run struct {
	worker            uint16
	token, start, end int64
	failed            bool
	settled           int64 // when the worker had the answer to its completion, math.MaxInt64 if it never had
	// late is how long after its due time it was leased, by Redis's clock.
	late time.Duration
}

// job is what is known about one job.
type job struct {
	seq                       uint32
	invoked                   int64
	delay                     time.Duration
	wasInvoked, ok, unknown   bool
	failedForCertain          bool
	runs                      []run // by time of start
	ackOK                     []int64
	refused, retried, charged int
	changed                   bool
	accepted                  []int64 // by Redis's own account
	places                    []string
}

func newJob(events []history.Record, final Final) *job {
	j := &job{seq: events[0].Seq, accepted: final.Acked[events[0].Seq], places: final.Places[events[0].Seq]}
	for _, e := range events {
		switch e.Type {
		case history.EnqueueInvoked:
			if !j.wasInvoked {
				j.wasInvoked, j.invoked, j.delay = true, e.Mono, time.Duration(e.Aux)*time.Millisecond
			}
		case history.EnqueueOK:
			j.ok = true
		case history.EnqueueFailed:
			j.failedForCertain = true
		case history.EnqueueUnknown:
			j.unknown = true
		case history.EnqueueError:
			j.retried++
		case history.Started:
			if e.Attempt > 1 {
				j.charged++
			}
			j.runs = append(j.runs, run{
				worker: e.Worker, token: e.Token, start: e.Mono, end: math.MaxInt64, settled: math.MaxInt64,
				late: time.Duration(e.Aux) * time.Millisecond,
			})
		case history.EndedOK, history.EndedError:
			if i := slices.IndexFunc(j.runs, func(r run) bool { return r.token == e.Token }); i >= 0 {
				j.runs[i].end, j.runs[i].failed = e.Mono, e.Type == history.EndedError
			}
		case history.AckOK:
			j.ackOK = append(j.ackOK, e.Token)
			j.settle(e)
		case history.AckRefused:
			j.refused++
			j.settle(e)
		case history.PayloadChanged:
			j.changed = true
		default: // a fault, no event of a job
		}
	}
	return j
}

func (j *job) settle(answer history.Record) {
	if i := slices.IndexFunc(j.runs, func(r run) bool { return r.token == answer.Token }); i >= 0 {
		j.runs[i].settled = answer.Mono
	}
}

// over is when the i-th run was over and could no longer be why the job ran again: with the answer to its
// completion, where answers were watched, or the next run.
func (j *job) over(i int) int64 {
	r := &j.runs[i]
	if watched := len(j.ackOK)+j.refused > 0; !watched || r.failed {
		return r.end
	}
	answered := r.settled
	if i+1 < len(j.runs) {
		answered = min(answered, j.runs[i+1].start)
	}
	return max(r.end, answered)
}

func (j *job) judge(r *Report, faults *faults, opt Options) {
	j.count(r)
	j.judgeEnd(r)
	j.judgeTokens(r, opt)
	if j.changed {
		r.Changed = append(r.Changed, j.seq)
	}
	for i := range j.runs {
		if j.early(&j.runs[i], faults, opt) {
			r.Early = append(r.Early, j.seq)
		}
		faults.countRunning(r, &j.runs[i], j.over(i))
		if i > 0 {
			j.judgeAgain(r, faults, opt, &j.runs[i-1], &j.runs[i])
		}
	}
}

// early looks at a start by our clock, which knows nothing of the queue, and by Redis's, which decides.
// A job that had become due stays due when Redis's clock jumps back, though its lateness is below zero then.
func (j *job) early(r *run, faults *faults, opt Options) bool {
	ahead, back := faults.shifted(j.invoked, r.start)
	return r.start < j.invoked+int64(j.delay-opt.EarlyTolerance-ahead) || r.late < -back
}

func (j *job) count(r *Report) {
	for is, n := range map[*int]bool{
		&r.Enqueued: j.ok, &r.Unknown: j.unknown && !j.ok, &r.Failed: j.failedForCertain && !j.ok,
		&r.Started: len(j.runs) > 0, &r.Acked: len(j.accepted) > 0, &r.Dead: slices.Contains(j.places, "dead"),
		&r.Recovered: j.unknown && !j.ok && len(j.runs) > 0,
	} {
		if n {
			*is++
		}
	}
	if len(j.places) > 0 && !slices.Contains(j.places, "dead") && !slices.Contains(j.places, "done") {
		r.Left++
	}
	r.AckRefused += j.refused
	r.Retried += j.retried
	r.Charged += j.charged
}

// judgeEnd looks at where the job ended.
func (j *job) judgeEnd(r *Report) {
	done := slices.ContainsFunc(j.runs, func(run run) bool { return run.end != math.MaxInt64 && !run.failed })
	acked := len(j.accepted) > 0 || len(j.ackOK) > 0
	switch {
	case !j.wasInvoked && len(j.runs) > 0:
		r.Phantom = append(r.Phantom, j.seq)
	case acked && !done:
		r.Unrun = append(r.Unrun, j.seq)
	case j.ok && !acked && (len(j.places) == 0 || slices.Equal(j.places, []string{"done"})):
		r.Lost = append(r.Lost, j.seq)
	}
}

// judgeTokens looks at what was accepted: once, under the newest token, and nothing started after it.
func (j *job) judgeTokens(r *Report, opt Options) {
	if opt.MayLoseWrites {
		return // an accepted completion, and the sequence of tokens, may be forgotten
	}
	rising := slices.IsSortedFunc(j.runs, func(a, b run) int { return int(a.token - b.token) })
	bad := len(j.accepted) > 1 || !rising || len(slices.Compact(slices.Sorted(slices.Values(j.ackOK)))) > 1
	completed := slices.Concat(j.accepted, j.ackOK)
	if len(completed) > 0 && len(j.runs) > 0 && slices.Max(j.tokens()) > slices.Min(completed) {
		bad = true
		r.Resurrected = append(r.Resurrected, j.seq)
	}
	if bad {
		r.Fencing = append(r.Fencing, j.seq)
	}
	for _, run := range j.runs {
		if run.end != math.MaxInt64 && !run.failed && len(j.accepted) > 0 && !slices.Contains(j.accepted, run.token) {
			r.LateAcks++
		}
	}
}

// judgeAgain looks at a start that was not the first.
func (j *job) judgeAgain(r *Report, faults *faults, opt Options, before, again *run) {
	cause := faults.cause(before, again)
	r.Duplicates[cause]++
	if killed := faults.killedIn(before); killed != 0 {
		r.Recovery = append(r.Recovery, history.Since(killed, again.start))
	}
	// A run that goes on while another starts is an overlap only where nothing can have taken its lease.
	if cause == CauseNone && before.end > again.start && history.Since(before.start, again.start) < opt.Lease {
		r.Overlap = append(r.Overlap, j.seq)
	}
}

// tokens are those of all runs.
func (j *job) tokens() (out []int64) {
	for _, run := range j.runs {
		out = append(out, run.token)
	}
	return out
}
