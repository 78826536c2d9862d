package dashboard

import (
	"cmp"
	"slices"
	"strconv"

	"github.com/dueq-io/dueq/dashboard/access"
	"github.com/dueq-io/dueq/queue"
)

// workersView is what the Workers page shows.
type workersView struct {
	Known, Stale, Acts bool
	Summary            crewView
	Alive, Silent      []workerRow
	// Schedulers move time forward.
	Schedulers []schedulerRow
	// More is how many workers there are beyond those shown.
	More int
}

type workerRow struct {
	ID, Name, Host, Version string
	PID                     int
	// State is a CSS class too.
	State       string
	Word        phrase
	Up, Beat    *moment
	Queues      []servedQueue
	Busy, Slots int
	// Share is how much of the slots is busy, in percent.
	Share int
	Rate  string
	Done  int64
	Left  phrase
	Jobs  []runningRow
}

type servedQueue struct {
	Name   string
	Weight int
}

type runningRow struct {
	ID, Queue, Kind string
	Attempt         int
	For             string
}

type schedulerRow struct {
	Name, Host, Version string
	PID                 int
	Silent              bool
	Up, Beat            *moment
	Queues              int
	Promoted, Reaped    int64
}

// shownWorkers bounds a fragment.
const shownWorkers = 200

func newWorkersView(v *view, cfg *Config) workersView {
	m := &v.frame.members
	out := workersView{
		Known: m.fleetKnown, Stale: v.frame.stale(v.now, cfg.IdleInterval), Acts: v.acts(access.Operate), Summary: newCrewView(m),
	}
	for i := range m.fleet.Workers {
		w := &m.fleet.Workers[i]
		if m.silent(&w.Process) {
			out.Silent = append(out.Silent, newWorkerRow(w, m))
		} else {
			out.Alive = append(out.Alive, newWorkerRow(w, m))
		}
	}
	for i := range m.gone {
		out.Silent = append(out.Silent, newWorkerRow(&m.gone[i], m))
	}
	if out.More = len(out.Alive) - shownWorkers; out.More > 0 {
		out.Alive = out.Alive[:shownWorkers]
	}
	for i := range m.fleet.Schedulers {
		s := &m.fleet.Schedulers[i]
		out.Schedulers = append(out.Schedulers, schedulerRow{
			Name: s.Name, Host: s.Host, Version: s.Version, PID: s.PID, Silent: m.silent(&s.Process),
			Up: newMoment(s.Started, m.now), Beat: newMoment(s.Beat, m.now), Queues: len(s.Queues),
			Promoted: s.Counts["promoted"], Reaped: s.Counts["reaped"],
		})
	}
	return out
}

func newWorkerRow(w *queue.WorkerInfo, m *members) workerRow {
	row := workerRow{
		ID: w.ID, Name: cmp.Or(w.Name, w.Process.Name), Host: w.Host, Version: w.Version, PID: w.PID, State: string(w.State),
		Word: stateWords[w.State], Up: newMoment(w.Started, m.now), Beat: newMoment(w.Beat, m.now),
		Busy: w.Busy, Slots: w.Concurrency, Rate: none, Done: w.Counts["done"],
	}
	if w.Concurrency > 0 {
		row.Share = min(100, 100*w.Busy/w.Concurrency)
	}
	if perSecond, ok := m.rates[w.ID]; ok {
		row.Rate = formatRate(perSecond)
	}
	if w.State != queue.WorkerRunning {
		row.Left = leftWords(w.Busy)
	}
	for name, weight := range w.Queues {
		row.Queues = append(row.Queues, servedQueue{name, weight})
	}
	slices.SortFunc(row.Queues, func(a, b servedQueue) int { return cmp.Or(b.Weight-a.Weight, cmp.Compare(a.Name, b.Name)) })
	for _, j := range w.Running {
		row.Jobs = append(row.Jobs, runningRow{j.ID, j.Queue, j.Kind, j.Attempt, formatSpan(max(0, m.now.Sub(j.Since)))})
	}
	return row
}

var stateWords = map[queue.WorkerState]phrase{
	queue.WorkerRunning: say("taking jobs"), queue.WorkerQuiet: say("quiet"), queue.WorkerStopping: say("stopping"),
}

// leftWords say how far a worker is that takes no more jobs.
func leftWords(busy int) phrase {
	if busy == 0 {
		return say("drained")
	}
	return say("%s left to finish", formatJobs(int64(busy)))
}

// Times writes the weight of a queue where it says something.
func (s servedQueue) Times() string {
	if s.Weight == 1 {
		return ""
	}
	return "×" + strconv.Itoa(s.Weight)
}
