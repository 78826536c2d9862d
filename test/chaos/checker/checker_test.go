package checker_test

import (
	"maps"
	"math"
	"testing"
	"time"

	"github.com/dueq-io/dueq/test/chaos/checker"
	"github.com/dueq-io/dueq/test/chaos/history"
)

const (
	ms    = int64(time.Millisecond)
	lease = 2 * time.Second
)

// at is an event of job 1 at a moment in ms.
func at(when int64, what history.Type, worker uint16, token int64) history.Record {
	return history.Record{Mono: when * ms, Type: what, Worker: worker, Token: token, Seq: 1}
}

// whole is a job that was enqueued, ran on worker 5 under token 7 and was acked.
func whole() []history.Record {
	return []history.Record{
		at(10, history.EnqueueInvoked, 1, 0), at(11, history.EnqueueOK, 1, 0),
		at(20, history.Started, 5, 7), at(30, history.EndedOK, 5, 7), at(31, history.AckOK, 5, 7),
	}
}

// without is whole without one type of event.
func without(what history.Type) (out []history.Record) {
	for _, e := range whole() {
		if e.Type != what {
			out = append(out, e)
		}
	}
	return out
}

func acked(tokens ...int64) checker.Final {
	return checker.Final{Acked: map[uint32][]int64{1: tokens}}
}

func in(places ...string) checker.Final {
	return checker.Final{Places: map[uint32][]string{1: places}}
}

// counts is a report as numbers, so that a history can be held against all findings at once.
func counts(r *checker.Report) map[string]int {
	all := map[string]int{
		"lost": len(r.Lost), "unrun": len(r.Unrun), "phantom": len(r.Phantom), "resurrected": len(r.Resurrected),
		"fencing": len(r.Fencing), "overlap": len(r.Overlap), "early": len(r.Early), "changed": len(r.Changed),
		"unconserved": len(r.Unconserved), "orphans": r.Orphans, "recovered": r.Recovered, "late": r.LateAcks,
		"left": r.Left, "dead": r.Dead, "running": r.Running, "reruns": len(r.Recovery),
	}
	maps.Copy(all, r.Duplicates)
	for name, n := range all {
		if n == 0 {
			delete(all, name)
		}
	}
	return all
}

type trial struct {
	records []history.Record
	final   checker.Final
	opt     checker.Options
	want    map[string]int
	bad     bool
}

// The history that shows a finding stands beside one that is near it and does not.
func trials() map[string]trial {
	again := func(extra ...history.Record) []history.Record {
		return append(without(history.EndedOK)[:3:3], extra...)
	}
	second := []history.Record{at(3000, history.Started, 6, 8), at(3010, history.EndedOK, 6, 8)}
	delayed := whole()
	delayed[0].Aux = 50
	onTime := whole()
	onTime[0].Aux = 10
	ahead := delayed[0]
	ahead.Aux = 5000 + 10
	unripe := whole()
	unripe[2].Aux = -300
	// Redis's clock jumps by ms between two moments.
	jump := func(from, to int64, ms int32) []history.Record {
		by := at(from, history.ClockShifting, 0, 0)
		by.Aux = ms
		return []history.Record{by, at(to, history.ClockShifted, 0, 0)}
	}
	return map[string]trial{
		"whole":               {records: whole(), final: acked(7)},
		"lost":                {records: whole()[:2], want: map[string]int{"lost": 1}, bad: true},
		"lost after a start":  {records: whole()[:3], want: map[string]int{"lost": 1}, bad: true},
		"dead is not lost":    {records: whole()[:2], final: in("dead"), want: map[string]int{"dead": 1}},
		"ready is not lost":   {records: whole()[:2], final: in("ready"), want: map[string]int{"left": 1}},
		"unknown is not lost": {records: append(whole()[:1:1], at(12, history.EnqueueUnknown, 1, 0))},
		"acked before it ran": {records: without(history.EndedOK), final: acked(7), want: map[string]int{"unrun": 1}, bad: true},
		"phantom":             {records: whole()[2:], final: acked(7), want: map[string]int{"phantom": 1}, bad: true},
		"recovered": {
			records: append(without(history.EnqueueOK), at(12, history.EnqueueUnknown, 1, 0)),
			final:   acked(7), want: map[string]int{"recovered": 1},
		},
		"early":   {records: delayed, final: acked(7), want: map[string]int{"early": 1}, bad: true},
		"on time": {records: onTime, final: acked(7)},
		"early by a jump ahead": {
			records: append(append(whole()[1:], ahead), jump(15, 16, 5000)...), final: acked(7),
		},
		"early beyond a jump ahead": {
			records: append(append(whole()[1:], ahead), jump(15, 16, 4998)...), final: acked(7), bad: true,
			want: map[string]int{"early": 1},
		},
		"early, a jump ahead before": {
			records: append(append(whole()[1:], ahead), jump(8, 9, 5000)...), final: acked(7), bad: true,
			want: map[string]int{"early": 1},
		},
		"early by Redis's clock": {records: unripe, final: acked(7), bad: true, want: map[string]int{"early": 1}},
		"due before a jump back": {records: append(unripe, jump(15, 16, -300)...), final: acked(7)},
		"early beyond a jump back": {
			records: append(unripe, jump(15, 16, -299)...), final: acked(7), bad: true,
			want: map[string]int{"early": 1},
		},
		"payload changed": {
			records: append(whole(), at(20, history.PayloadChanged, 5, 7)), final: acked(7), bad: true,
			want: map[string]int{"changed": 1},
		},
		"worker killed": {
			records: again(append(second, at(25, history.WorkerKilled, 5, 0))...), final: acked(8),
			want: map[string]int{checker.CauseWorker: 1, "running": 1, "reruns": 1},
		},
		"worker killed before its ack": {
			records: append(without(history.AckOK), at(31, history.WorkerKilled, 5, 0), at(3000, history.Started, 6, 8),
				at(3010, history.EndedOK, 6, 8), at(3011, history.AckOK, 6, 8)), final: acked(8),
			want: map[string]int{checker.CauseWorker: 1, "running": 1, "reruns": 1, "late": 1},
		},
		"redis away after the next run": {
			records: append(without(history.AckOK), at(3000, history.Started, 6, 8), at(3010, history.EndedOK, 6, 8),
				at(3011, history.AckOK, 6, 8), at(4000, history.RedisFault, 0, 0)), final: acked(8),
			want: map[string]int{checker.CauseNone: 1, "late": 1},
		},
		"worker killed after its ack": {records: append(whole(), at(32, history.WorkerKilled, 5, 0)), final: acked(7)},
		"another worker killed": {
			records: again(append(second, at(25, history.WorkerKilled, 9, 0))...), final: acked(8),
			want: map[string]int{checker.CauseNone: 1},
		},
		"worker stopped, late ack refused": {
			records: again(append(second, at(25, history.WorkerPaused, 5, 0), at(6000, history.WorkerResumed, 5, 0),
				at(6001, history.EndedOK, 5, 7), at(6002, history.AckRefused, 5, 7))...), final: acked(8),
			want: map[string]int{checker.CausePaused: 1, "running": 1, "late": 1},
		},
		"redis away": {
			records: again(append(second, at(25, history.RedisFault, 0, 0), at(100, history.RedisHealed, 0, 0))...),
			final:   acked(8), want: map[string]int{checker.CauseRedis: 1, "running": 1},
		},
		"redis away before": {
			records: again(append(second, at(1, history.RedisFault, 0, 0), at(2, history.RedisHealed, 0, 0))...),
			final:   acked(8), want: map[string]int{checker.CauseNone: 1},
		},
		"accepted twice": {
			records: append(whole(), second...), final: acked(7, 8), bad: true,
			want: map[string]int{"fencing": 1, "resurrected": 1, checker.CauseNone: 1},
		},
		"ack seen, then started again": {
			records: append(whole(), second...), final: acked(8), bad: true,
			want: map[string]int{"fencing": 1, "resurrected": 1, checker.CauseNone: 1, "late": 1},
		},
		"redis may have forgotten": {
			records: append(whole(), second...), final: acked(8), opt: checker.Options{MayLoseWrites: true},
			want: map[string]int{checker.CauseNone: 1},
		},
		"token does not rise": {
			records: again(at(3000, history.Started, 6, 6), at(3010, history.EndedOK, 6, 6)), final: acked(7), bad: true,
			want: map[string]int{"fencing": 1, checker.CauseNone: 1, "unrun": 0, "late": 1},
		},
		"overlap": {
			records: again(at(25, history.Started, 6, 8), at(40, history.EndedOK, 6, 8)), final: acked(8), bad: true,
			want: map[string]int{"overlap": 1, checker.CauseNone: 1},
		},
		"in two places": {
			records: whole(), final: checker.Final{
				Acked: acked(7).Acked, Places: map[uint32][]string{1: {"ready", "leased"}},
			},
			want: map[string]int{"unconserved": 1, "left": 1}, bad: true,
		},
		"orphan": {records: whole(), final: checker.Final{Acked: acked(7).Acked, Orphan: 1}, want: map[string]int{"orphans": 1}, bad: true},
	}
}

func TestFindings(t *testing.T) {
	t.Parallel()
	for name, trial := range trials() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			trial.opt.Lease = lease
			r := checker.Check(trial.records, trial.final, trial.opt)
			got := counts(r)
			for finding, n := range trial.want {
				if got[finding] != n {
					t.Errorf("%s: %d, want %d", finding, got[finding], n)
				}
				delete(got, finding)
			}
			if len(got) > 0 {
				t.Errorf("not expected: %v", got)
			}
			if r.Bad() != trial.bad {
				t.Errorf("bad: %v, want %v", r.Bad(), trial.bad)
			}
		})
	}
}

func TestRecoveryIsFromTheKill(t *testing.T) {
	t.Parallel()
	records := append(whole()[:3], at(25, history.WorkerKilled, 5, 0), at(2125, history.Started, 6, 8), at(2130, history.EndedOK, 6, 8))
	r := checker.Check(records, acked(8), checker.Options{Lease: lease})
	if got := checker.Quantile(r.Recovery, 1); got != 2100*time.Millisecond {
		t.Fatalf("%v after the kill, want 2.1s", got)
	}
}

func TestQuantile(t *testing.T) {
	t.Parallel()
	hundred := make([]time.Duration, 100)
	for i := range hundred {
		hundred[i] = time.Duration(i + 1)
	}
	for q, want := range map[float64]time.Duration{0.5: 50, 0.99: 99, 1: 100, math.SmallestNonzeroFloat64: 1} {
		if got := checker.Quantile(hundred, q); got != want {
			t.Errorf("quantile %v: %d, want %d", q, got, want)
		}
	}
	if got := checker.Quantile(nil, 0.5); got != 0 {
		t.Errorf("of none: %v", got)
	}
}
