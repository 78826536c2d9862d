// Package checker judges a run: from what every process saw and what Redis holds at the end to what
// was lost, doubled, early or accepted twice. It is a pure function, so its own tests are histories
// written by hand.
package checker

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/dueq-io/dueq/test/chaos/history"
)

// Final is what Redis holds once the queue has drained.
type Final struct {
	Places map[uint32][]string // which of delayed, retry, ready, leased, dead, done hold the job
	Acked  map[uint32][]int64  // tokens under which Redis accepted a completion
	Orphan int                 // entries without a record, records without an entry, foreign ids
}

// Options are what the fault of a run permits.
type Options struct {
	Lease          time.Duration
	MayLoseWrites  bool          // Redis may forget what it answered: fail-over, power cut
	EarlyTolerance time.Duration // default 1 ms: due times are whole milliseconds
}

// Report is the verdict on one run. A job stands under its number.
type Report struct {
	Enqueued, Unknown, Failed, Started, Acked, Dead, Left int

	Lost        []uint32 // confirmed, and neither acked after a finished run, nor dead, nor still there
	Unrun       []uint32 // accepted as done though no handler had finished
	Phantom     []uint32 // started, but nobody enqueued it
	Resurrected []uint32 // started again after Redis had accepted its completion
	Fencing     []uint32 // completions accepted twice, under a stale token, or tokens that did not rise
	Overlap     []uint32 // two runs at once though the earlier lease could not have run out
	Early       []uint32 // started before it was due, by Redis's clock or by ours beside its jumps
	Changed     []uint32 // came to a handler with another payload
	Unconserved []uint32 // in two places at the end
	Orphans     int

	Retried    int            // calls of enqueue that were repeated
	Charged    int            // starts that were not a job's first attempt
	Recovered  int            // unknown to the producer, and run
	Duplicates map[string]int // starts beyond the first, by cause
	AckRefused int            // late completions that Redis refused, as the worker saw it
	LateAcks   int            // handlers that ended under a token that was no longer in force

	Recovery []time.Duration // from the kill of a worker to the next start of each job it ran, sorted
	Running  int             // jobs that ran, or were not acked yet, at the moment of a fault, summed over the faults
}

// Causes of a duplicate.
const (
	CauseWorker   = "worker killed"
	CausePaused   = "worker stopped"
	CauseStopping = "worker shut down"
	CauseRedis    = "redis away"
	CauseFailure  = "handler failed"
	CauseNone     = "unexplained"
)

// Bad says whether something happened that no fault may cause; Redis may lose what it answered only
// where the options said so.
func (r *Report) Bad() bool {
	return len(r.Lost)+len(r.Unrun)+len(r.Phantom)+len(r.Resurrected)+len(r.Fencing)+len(r.Early)+
		len(r.Changed)+len(r.Unconserved)+len(r.Overlap)+r.Orphans > 0
}

// DuplicateCount is the sum over all causes.
func (r *Report) DuplicateCount() (n int) {
	for _, count := range r.Duplicates {
		n += count
	}
	return n
}

// Quantile returns the q-th of sorted durations, 0 for none.
func Quantile(sorted []time.Duration, q float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[int(math.Ceil(q*float64(len(sorted))))-1]
}

// Check judges a run. It sorts records.
func Check(records []history.Record, final Final, opt Options) *Report {
	opt.EarlyTolerance = cmp.Or(opt.EarlyTolerance, time.Millisecond)
	slices.SortFunc(records, func(a, b history.Record) int {
		return cmp.Or(cmp.Compare(a.Seq, b.Seq), cmp.Compare(a.Mono, b.Mono))
	})
	r := &Report{Duplicates: map[string]int{}, Orphans: final.Orphan}
	faults := faultsOf(records)
	for len(records) > 0 {
		n := 1
		for n < len(records) && records[n].Seq == records[0].Seq {
			n++
		}
		mine := slices.DeleteFunc(slices.Clone(records[:n]), func(e history.Record) bool { return e.Type >= history.WorkerKilled })
		if len(mine) > 0 {
			newJob(mine, final).judge(r, faults, opt)
		}
		records = records[n:]
	}
	for seq, places := range final.Places {
		if len(places) > 1 {
			r.Unconserved = append(r.Unconserved, seq)
		}
	}
	slices.Sort(r.Unconserved)
	slices.Sort(r.Recovery)
	return r
}
