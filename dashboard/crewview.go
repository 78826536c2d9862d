package dashboard

import "github.com/dueq-io/dueq/queue"

// tally is a fleet in numbers. Only those of whom was heard count, but for silent.
type tally struct {
	workers, quiet, silent, movers, producers int
	// slots are those of workers that take jobs, busy the jobs that all have leased.
	slots, busy int
}

func (m *members) tally() tally {
	t := tally{silent: len(m.gone)}
	for i := range m.fleet.Workers {
		w := &m.fleet.Workers[i]
		if m.silent(&w.Process) {
			t.silent++
			continue
		}
		t.workers++
		t.busy += w.Busy
		if w.State == queue.WorkerRunning {
			t.slots += w.Concurrency
		} else {
			t.quiet++
		}
	}
	for i := range m.fleet.Schedulers {
		t.movers += count(!m.silent(&m.fleet.Schedulers[i].Process))
	}
	for i := range m.fleet.Producers {
		t.producers += count(!m.silent(&m.fleet.Producers[i].Process))
	}
	return t
}

// crewView is the strip of workers on the Overview.
type crewView struct {
	Known bool
	Lines []phrase
}

func newCrewView(m *members) crewView {
	if !m.fleetKnown {
		return crewView{}
	}
	t := m.tally()
	out := crewView{Known: true, Lines: []phrase{
		say("%s alive", formatWorkers(t.workers)), say("%d of %d slots busy", t.busy, t.slots),
	}}
	if t.quiet > 0 {
		out.Lines = append(out.Lines, say("%d quiet or stopping", t.quiet))
	}
	if t.silent > 0 {
		out.Lines = append(out.Lines, say("%d gone silent in the last quarter of an hour", t.silent))
	}
	out.Lines = append(out.Lines, say("schedulers alive: %d", t.movers), say("producers alive: %d", t.producers))
	return out
}
