package dashboard

import (
	"net/http"
	"time"

	"github.com/dueq-io/dueq/queue"
)

// fleetAnswer is the answer of /api/v1/workers and, without workers, of /api/v1/producers.
type fleetAnswer struct {
	queue.Fleet
	// Gone are workers that went silent in the last 15 min without having said that they would stop.
	Gone []queue.WorkerInfo `json:"gone,omitempty"`
}

// numbers is a frame of the queues in sight, or an answer that says why there is none.
func (d *Dashboard) numbers(w http.ResponseWriter, r *http.Request) (*frame, bool) {
	f := d.sight(r).frame(r.Context())
	if f.at.IsZero() || f.stale(time.Now(), d.cfg.IdleInterval) {
		writeJSON(w, http.StatusServiceUnavailable, errorAnswer{cause(f.err).String()})
		return nil, false
	}
	return f, true
}

type errorAnswer struct {
	Error string `json:"error"`
}

func (d *Dashboard) serveWorkers(w http.ResponseWriter, r *http.Request) {
	if f, ok := d.numbers(w, r); ok {
		fleet := f.fleet
		fleet.Producers = nil
		d.writeFleet(w, f, fleetAnswer{Fleet: fleet, Gone: f.gone})
	}
}

func (d *Dashboard) serveProducers(w http.ResponseWriter, r *http.Request) {
	if f, ok := d.numbers(w, r); ok {
		d.writeFleet(w, f, fleetAnswer{Fleet: queue.Fleet{Now: f.now, Producers: f.fleet.Producers}})
	}
}

func (d *Dashboard) writeFleet(w http.ResponseWriter, f *frame, answer fleetAnswer) {
	if !f.fleetKnown {
		writeJSON(w, http.StatusServiceUnavailable, errorAnswer{"the fleet cannot be read"})
		return
	}
	writeJSON(w, http.StatusOK, answer)
}

// serversAnswer is the answer of /api/v1/redis.
type serversAnswer struct {
	Servers []serverAnswer `json:"servers"`
}

type serverAnswer struct {
	queue.ServerInfo
	// Error says why the server could not be asked.
	Error string `json:"error,omitempty"`
}

func (d *Dashboard) serveServers(w http.ResponseWriter, r *http.Request) {
	f, ok := d.numbers(w, r)
	if !ok {
		return
	}
	answer := serversAnswer{make([]serverAnswer, len(f.servers))}
	for i := range f.servers {
		answer.Servers[i].ServerInfo = f.servers[i]
		if err := f.servers[i].Err; err != nil {
			answer.Servers[i].Error = cause(err).String()
		}
	}
	writeJSON(w, http.StatusOK, answer)
}

// horizonAnswer is the answer of /api/v1/schedule. Each waiting job is in one of Overdue, Bars and Later.
type horizonAnswer struct {
	Queue   string            `json:"queue,omitempty"`
	Reach   string            `json:"reach"`
	Now     time.Time         `json:"now"`
	Overdue queue.WaitingJobs `json:"overdue"`
	Bars    []barAnswer       `json:"bars"`
	Later   queue.WaitingJobs `json:"later"`
	// Capacity is how many jobs a bar can be expected to be enough for, at least; 0: not known.
	Capacity float64 `json:"capacity"`
}

type barAnswer struct {
	queue.Bar
	// Backlog is how many jobs can be expected to wait at the end of the bar.
	Backlog float64 `json:"expected_backlog"`
}

func (d *Dashboard) serveSchedule(w http.ResponseWriter, r *http.Request) {
	v := d.view(r, d.sight(r).frame(r.Context()), time.Now())
	name, within := v.query.Get("queue"), reachOf(v.query.Get("reach"))
	if name != "" {
		if err := v.known(name); err != nil {
			d.writeProblem(w, r, err)
			return
		}
	}
	wished := []wish{{what: wishHorizon, queue: name, span: within.name}}
	h := d.collector.wish(r.Context(), wished).of(v.id).horizon(name, within.name)
	if h == nil {
		writeJSON(w, http.StatusServiceUnavailable, errorAnswer{cause(v.frame.err).String()})
		return
	}
	answer := horizonAnswer{
		Queue: name, Reach: within.name, Now: h.Now, Overdue: h.Overdue, Later: h.Later, Capacity: h.capacity,
		Bars: make([]barAnswer, len(h.Bars)),
	}
	for i := range h.Bars {
		answer.Bars[i] = barAnswer{h.Bars[i], h.backlog[i]}
	}
	writeJSON(w, http.StatusOK, answer)
}

// serveSeries answers with the counts of each step of a range, and their histograms.
func (d *Dashboard) serveSeries(w http.ResponseWriter, r *http.Request) {
	s, err := d.seriesFor(r)
	if err != nil {
		d.writeProblem(w, r, err)
		return
	}
	writeJSON(w, http.StatusOK, s)
}

// writeProblem answers a program with what err means to it.
func (d *Dashboard) writeProblem(w http.ResponseWriter, r *http.Request, err error) {
	p := d.loggedProblem(r, err)
	writeJSON(w, p.Status, errorAnswer{p.Text.String()})
}
