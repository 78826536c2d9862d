package dashboard

import (
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/dueq-io/dueq/dashboard/access"
	"github.com/dueq-io/dueq/queue"
)

// exportedQueues bounds the number of series.
const exportedQueues = 1000

// verbs are the counters that are exported. The hash they are kept in is open to anyone who can reach
// Redis, and a label must not grow with what others write there.
var verbs = []string{
	"enqueue", "promote", "lease", "extend", "ack", "retry", "snooze", "release", "bury", "drop", "reap",
	"reschedule", "cancel", "requeue", "audit", "purge_dead", "purge_done",
}

// exporter turns the latest frame into metrics. A scrape reads no Redis.
type exporter struct {
	c *collector
	// id is for whom: of the queues, those in its sight.
	id access.Identity

	jobs, verbJobs, oldest, overdue, overdueAge *prometheus.Desc
	paused, closed, limit, queues               *prometheus.Desc
	up, age, took, missed, streams              *prometheus.Desc
}

func newExporter(c *collector) *exporter {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(name, help, labels, nil)
	}
	return &exporter{
		c:          c,
		jobs:       desc("dueq_queue_jobs", "Jobs in a state.", "queue", "state"),
		verbJobs:   desc("dueq_queue_verb_jobs_total", "Jobs on which a verb was carried out since the queue began.", "queue", "verb"),
		oldest:     desc("dueq_queue_oldest_ready_seconds", "How long the job at the head of ready has been due.", "queue"),
		overdue:    desc("dueq_queue_overdue_jobs", "Jobs that are due but not promoted: above 0 for long when no mover runs.", "queue"),
		overdueAge: desc("dueq_queue_overdue_age_seconds", "How long the first overdue job has been due.", "queue"),
		paused:     desc("dueq_queue_paused", "1 when workers get no jobs.", "queue"),
		closed:     desc("dueq_queue_intake_closed", "1 when producers are refused.", "queue"),
		limit:      desc("dueq_queue_limit_jobs", "Number of jobs at which producers are refused; 0 is no limit.", "queue"),
		queues:     desc("dueq_queues", "Number of queues, of which at most 1000 have series of their own."),
		up:         desc("dueq_collector_up", "1 when the last sample of Redis is there; queues have no series when samples are stale."),
		age:        desc("dueq_collector_sample_age_seconds", "Age of the last good sample, which all other numbers are from."),
		took:       desc("dueq_collector_sample_duration_seconds", "How long Redis needed for the last good sample."),
		missed:     desc("dueq_collector_missed_samples", "Samples in a row that failed or were not answered in time."),
		streams:    desc("dueq_dashboard_streams", "Event streams that are open."),
	}
}

// Describe sends what Collect can send.
func (e *exporter) Describe(out chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{
		e.jobs, e.verbJobs, e.oldest, e.overdue, e.overdueAge, e.paused, e.closed, e.limit, e.queues,
		e.up, e.age, e.took, e.missed, e.streams,
	} {
		out <- desc
	}
}

// Collect sends the latest frame. Queues are left out when it is stale, so that rules on them find
// nothing rather than what was true once.
func (e *exporter) Collect(out chan<- prometheus.Metric) {
	f, now := e.c.latest.Load().of(e.id), time.Now()
	e.gauge(out, e.up, float64(count(f.running && f.missed == 0 && !f.at.IsZero())))
	e.gauge(out, e.missed, float64(f.missed))
	e.gauge(out, e.streams, float64(e.c.streams.Load()))
	if f.at.IsZero() {
		return
	}
	e.gauge(out, e.age, now.Sub(f.at).Seconds())
	e.gauge(out, e.took, f.took.Seconds())
	if f.stale(now, e.c.idle) {
		return
	}
	e.gauge(out, e.queues, float64(len(f.queues)))
	for i := range f.queues[:min(len(f.queues), exportedQueues)] {
		if q := &f.queues[i]; q.err == nil {
			e.queue(out, &q.QueueInfo)
		}
	}
}

func (e *exporter) queue(out chan<- prometheus.Metric, q *queue.QueueInfo) {
	name := strings.ToValidUTF8(q.Name, "�") // a label that is not UTF-8 would panic
	for _, state := range queue.States() {
		e.gauge(out, e.jobs, float64(q.State(state)), name, string(state))
	}
	e.gauge(out, e.oldest, q.OldestReady.Seconds(), name)
	e.gauge(out, e.overdue, float64(q.Overdue), name)
	e.gauge(out, e.overdueAge, q.OverdueAge.Seconds(), name)
	e.gauge(out, e.paused, float64(count(q.Paused)), name)
	e.gauge(out, e.closed, float64(count(q.Closed)), name)
	e.gauge(out, e.limit, float64(q.MaxLen), name)
	for _, verb := range verbs {
		out <- prometheus.MustNewConstMetric(e.verbJobs, prometheus.CounterValue, float64(q.Counts[verb]), name, verb)
	}
}

func (e *exporter) gauge(out chan<- prometheus.Metric, desc *prometheus.Desc, value float64, labels ...string) {
	out <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value, labels...)
}

// serveMetrics answers with the numbers of the queues in sight.
func (d *Dashboard) serveMetrics(w http.ResponseWriter, r *http.Request) {
	id := access.From(r.Context())
	if id.Scope() == "" {
		d.metrics.ServeHTTP(w, r)
		return
	}
	part := newExporter(d.collector)
	part.id = id
	registry := prometheus.NewRegistry()
	if err := registry.Register(part); err != nil {
		d.fail(w, r, err)
		return
	}
	metricsHandler(registry).ServeHTTP(w, r)
}

// metricsHandler bounds what a crowd of scrapers can cost.
func metricsHandler(registry *prometheus.Registry) http.Handler {
	const atOnce, timeout = 4, 10 * time.Second
	return promhttp.HandlerFor(registry, promhttp.HandlerOpts{MaxRequestsInFlight: atOnce, Timeout: timeout})
}
