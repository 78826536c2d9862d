package dashboard

import "github.com/dueq-io/dueq/queue"

// crewView is the strip of workers on the Overview.
type crewView struct {
	Known bool
	Lines []phrase
}

func newCrewView(m *members) crewView {
	out := crewView{Known: m.fleetKnown}
	if !m.fleetKnown {
		return out
	}
	alive, quiet, silent, slots, busy := 0, 0, 0, 0, 0
	for i := range m.fleet.Workers {
		w := &m.fleet.Workers[i]
		switch {
		case m.silent(&w.Process):
			silent++
			continue
		case w.State != queue.WorkerRunning:
			quiet++
		default:
			slots += w.Concurrency
		}
		alive++
		busy += w.Busy
	}
	out.Lines = append(out.Lines, say("%s alive", formatWorkers(alive)), say("%d of %d slots busy", busy, slots))
	if quiet > 0 {
		out.Lines = append(out.Lines, say("%d quiet or stopping", quiet))
	}
	if silent+len(m.gone) > 0 {
		out.Lines = append(out.Lines, say("%d gone silent in the last quarter of an hour", silent+len(m.gone)))
	}
	movers := 0
	for i := range m.fleet.Schedulers {
		if !m.silent(&m.fleet.Schedulers[i].Process) {
			movers++
		}
	}
	out.Lines = append(out.Lines, say("schedulers alive: %d", movers), say("producers alive: %d", len(m.fleet.Producers)))
	return out
}
