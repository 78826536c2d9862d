package checker

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/dueq-io/dueq/test/chaos/history"
)

// span is a time in which something was wrong; to is math.MaxInt64 where it never ended.
type span struct{ from, to int64 }

// faults is what the harness did, by worker where it did it to one.
type faults struct {
	killed, stopping map[uint16]int64
	paused           map[uint16][]span
	redis            []span
	shifts           []shift
	moments          []moment // when the harness broke something
}

// shift is a jump of Redis's clock, at some moment of its span.
type shift struct {
	span
	by time.Duration
}

type moment struct {
	worker uint16 // 0: every one
	at     int64
}

func faultsOf(records []history.Record) *faults {
	done := slices.DeleteFunc(slices.Clone(records), func(e history.Record) bool { return e.Type < history.WorkerKilled })
	slices.SortFunc(done, func(a, b history.Record) int { return cmp.Compare(a.Mono, b.Mono) })
	f := &faults{killed: map[uint16]int64{}, stopping: map[uint16]int64{}, paused: map[uint16][]span{}}
	for _, e := range done {
		switch e.Type {
		case history.WorkerKilled:
			f.killed[e.Worker] = e.Mono
			f.moments = append(f.moments, moment{e.Worker, e.Mono})
		case history.WorkerStopping:
			f.stopping[e.Worker] = e.Mono
			f.moments = append(f.moments, moment{e.Worker, e.Mono})
		case history.WorkerPaused:
			f.paused[e.Worker] = append(f.paused[e.Worker], span{e.Mono, math.MaxInt64})
			f.moments = append(f.moments, moment{e.Worker, e.Mono})
		case history.WorkerResumed:
			closeLast(f.paused[e.Worker], e.Mono)
		case history.RedisFault:
			f.redis = append(f.redis, span{e.Mono, math.MaxInt64})
			f.moments = append(f.moments, moment{0, e.Mono})
		case history.RedisHealed:
			closeLast(f.redis, e.Mono)
		case history.ClockShifting:
			f.shifts = append(f.shifts, shift{span{e.Mono, math.MaxInt64}, time.Duration(e.Aux) * time.Millisecond})
		case history.ClockShifted:
			f.shifts[len(f.shifts)-1].to = e.Mono
		default: // no fault, and taken out above
		}
	}
	return f
}

func closeLast(spans []span, at int64) {
	if n := len(spans); n > 0 && spans[n-1].to == math.MaxInt64 {
		spans[n-1].to = at
	}
}

// shifted is how far Redis's clock may have jumped ahead, and how far back, between two moments.
func (f *faults) shifted(from, to int64) (ahead, back time.Duration) {
	for _, s := range f.shifts {
		if s.from <= to && s.to >= from {
			ahead, back = ahead+max(s.by, 0), back+max(-s.by, 0)
		}
	}
	return ahead, back
}

// killedIn is when the worker of a run was killed, 0 if the run had ended before or it never was.
func (f *faults) killedIn(r *run) int64 {
	if at := f.killed[r.worker]; at >= r.start {
		return at
	}
	return 0
}

// cause says why a run was followed by another.
func (f *faults) cause(before, again *run) string {
	overlaps := func(s span) bool { return s.from <= again.start && s.to >= before.start }
	switch {
	case before.failed:
		return CauseFailure
	case f.killedIn(before) != 0:
		return CauseWorker
	case slices.ContainsFunc(f.paused[before.worker], overlaps):
		return CausePaused
	case f.stopping[before.worker] >= before.start:
		return CauseStopping
	case slices.ContainsFunc(f.redis, overlaps):
		return CauseRedis
	default:
		return CauseNone
	}
}

// countRunning counts a run that was over at a moment for every fault that met it.
func (f *faults) countRunning(r *Report, run *run, over int64) {
	for _, m := range f.moments {
		if (m.worker == 0 || m.worker == run.worker) && run.start <= m.at && m.at <= over {
			if killed := f.killed[run.worker]; killed != 0 && killed < m.at {
				continue
			}
			r.Running++
		}
	}
}
