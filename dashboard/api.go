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
	// Error says why the queue could not be read; its numbers are 0 then.
	Error string `json:"error,omitempty"`
}

// ratesAnswer is in jobs a second: enqueued, acked, and attempts that ended in a retry or in dead.
type ratesAnswer struct {
	In     float64 `json:"in_per_s"`
	Out    float64 `json:"out_per_s"`
	Failed float64 `json:"failed_per_s"`
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
		q := &f.queues[i]
		a := &answer.Queues[i]
		a.QueueInfo = q.QueueInfo
		if q.rateKnown {
			a.Rates = &ratesAnswer{In: q.rate.In, Out: q.rate.Out, Failed: q.rate.Failed}
		}
		if q.err != nil {
			a.Error = cause(q.err).String()
		}
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
