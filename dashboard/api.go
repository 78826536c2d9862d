package dashboard

import (
	"net/http"
	"time"

	"github.com/dueq-io/dueq/queue"
)

// queuesAnswer is the answer of /api/v1/queues: what the Overview shows.
type queuesAnswer struct {
	Namespace string  `json:"namespace"`
	Source    string  `json:"source,omitempty"`
	Verdict   verdict `json:"verdict"`
	// Stale says that the numbers are not current any more.
	Stale bool `json:"stale"`
	// SampledAt is when the numbers were read, by this process's clock, AgeMS how long ago, TookMS how
	// long Redis needed.
	SampledAt time.Time `json:"sampled_at,omitzero"`
	AgeMS     int64     `json:"age_ms"`
	TookMS    float64   `json:"took_ms"`
	// Queues are all queues by name.
	Queues []queueAnswer `json:"queues"`
}

type queueAnswer struct {
	queue.QueueInfo
	// Rates are over the last 10 s, null before the second sample of the queue.
	Rates *ratesAnswer `json:"rates"`
	// Lately is the last 5 min, null where it could not be read, Crew who works on the queue, null where that
	// is not known.
	Lately *latelyAnswer `json:"lately"`
	Crew   *crewAnswer   `json:"crew"`
	// DiedInHour is how many jobs were buried in the last hour.
	DiedInHour int64 `json:"died_in_hour"`
	// Error says why the queue could not be read; its numbers are 0 then.
	Error string `json:"error,omitempty"`
}

// ratesAnswer is in jobs a second: enqueued, acked, and attempts that ended in a retry or in dead.
type ratesAnswer struct {
	In     float64 `json:"in_per_s"`
	Out    float64 `json:"out_per_s"`
	Failed float64 `json:"failed_per_s"`
	// Growth is by how many jobs a second ready has grown.
	Growth float64 `json:"ready_growth_per_s"`
}

// latelyAnswer is what happened in the last 5 min. Times are in ns, negative where no job has started.
type latelyAnswer struct {
	Started    int64         `json:"started"`
	LateP50    time.Duration `json:"late_p50_ns"`
	LateP99    time.Duration `json:"late_p99_ns"`
	LagP99     time.Duration `json:"promote_lag_p99_ns"`
	WaitP99    time.Duration `json:"ready_wait_p99_ns"`
	Ended      int64         `json:"attempts_ended"`
	ErrorShare float64       `json:"error_share"`
}

// crewAnswer is of workers that are alive; slots and busy are over all queues that they serve.
type crewAnswer struct {
	Workers    int `json:"workers"`
	Taking     int `json:"workers_taking_jobs"`
	Slots      int `json:"slots"`
	Busy       int `json:"busy"`
	Schedulers int `json:"schedulers"`
}

func newQueueAnswer(q *queueState) queueAnswer {
	a := queueAnswer{QueueInfo: q.QueueInfo, DiedInHour: q.hour.dead}
	if q.rateKnown {
		a.Rates = &ratesAnswer{In: q.rate.In, Out: q.rate.Out, Failed: q.rate.Failed, Growth: q.growth}
	}
	if !q.five.To.IsZero() {
		l := lateOf(&q.five)
		share, ended := q.five.ErrorShare()
		a.Lately = &latelyAnswer{l.n, l.p50, l.p99, l.lag, l.wait, ended, share}
	}
	if q.crew.known {
		a.Crew = &crewAnswer{q.crew.workers, q.crew.leasing, q.crew.slots, q.crew.busy, q.crew.movers}
	}
	if q.err != nil {
		a.Error = cause(q.err).String()
	}
	return a
}

// serveQueues answers 503 as long as there is nothing to show; the verdict says why.
func (d *Dashboard) serveQueues(w http.ResponseWriter, r *http.Request) {
	f, now := d.sight(r).frame(r.Context()), time.Now()
	answer := queuesAnswer{
		Namespace: d.namespace, Source: d.cfg.Source,
		Verdict: judge(f, now, &d.cfg), Stale: f.stale(now, d.cfg.IdleInterval),
		TookMS: float64(f.took) / float64(time.Millisecond),
		Queues: make([]queueAnswer, len(f.queues)),
	}
	for i := range f.queues {
		answer.Queues[i] = newQueueAnswer(&f.queues[i])
	}
	status := http.StatusOK
	if f.at.IsZero() {
		status = http.StatusServiceUnavailable
	} else {
		answer.SampledAt = f.at.UTC()
		answer.AgeMS = now.Sub(f.at).Milliseconds()
	}
	writeJSON(w, status, answer)
}
