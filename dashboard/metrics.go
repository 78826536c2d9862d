package dashboard

import (
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/dueq-io/dueq/dashboard/access"
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
	c   *collector
	cfg *Config
	// id is whose queues are in it.
	id access.Identity

	jobs, verbJobs, failed, expired, late, lag *prometheus.Desc
	gauges                                     []gauge
	queues, verdict, level                     *prometheus.Desc
	up, age, took, missed, streams             *prometheus.Desc
	members, busy, slots                       *prometheus.Desc
	redisUp, redisUsed, redisLimit, redisRTT   *prometheus.Desc
	alarms                                     alarmMetrics
}

func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(name, help, labels, nil)
}

func newExporter(c *collector, cfg *Config) *exporter {
	return &exporter{
		c: c, cfg: cfg,
		jobs:     describe("dueq_queue_jobs", "Jobs in a state.", "queue", "state"),
		verbJobs: describe("dueq_queue_verb_jobs_total", "Jobs on which a verb was carried out since the queue began.", "queue", "verb"),
		failed:   describe("dueq_queue_failures_total", "Attempts that failed, those with which a job was dead as well.", "queue"),
		expired:  describe("dueq_queue_expired_jobs_total", "Jobs that had not started when their Expires passed.", "queue"),
		late:     describe("dueq_queue_lateness_seconds", "Start minus due of the jobs that started. The sum is estimated from the buckets.", "queue"),
		lag:      describe("dueq_queue_promote_lag_seconds", "Promotion minus due of the jobs that were promoted. The sum is estimated from the buckets.", "queue"),
		gauges:   queueGauges(),
		queues:   describe("dueq_queues", "Number of queues, of which at most 1000 have series of their own."),
		verdict:  describe("dueq_verdict", "The verdict of the dashboard: 0 healthy, 1 idle, 2 degraded, 3 down. Numbers that are not current are down."),
		level:    describe("dueq_queue_level", "The verdict on a queue: 0 healthy, 2 degraded, 3 down.", "queue"),
		up:       describe("dueq_collector_up", "1 when the last sample of Redis is there; queues have no series when samples are stale."),
		age:      describe("dueq_collector_sample_age_seconds", "Age of the last good sample, which all other numbers are from."),
		took:     describe("dueq_collector_sample_duration_seconds", "How long Redis needed for the last good sample."),
		missed:   describe("dueq_collector_missed_samples", "Samples in a row that failed or were not answered in time."),
		streams:  describe("dueq_dashboard_streams", "Event streams that are open."),
		members:  describe("dueq_members", "Programs that were heard of in the last 5 s.", "role"),
		slots:    describe("dueq_worker_slots", "Handlers that all workers that take jobs may run at once."),
		busy:     describe("dueq_worker_slots_busy", "Jobs that all workers have leased."),

		redisUp:    describe("dueq_redis_up", "1 when the server answered when it was last asked. Servers are numbered by their addresses.", "server"),
		redisUsed:  describe("dueq_redis_memory_used_bytes", "Memory that the server uses.", "server"),
		redisLimit: describe("dueq_redis_memory_max_bytes", "The server's maxmemory; 0 is none.", "server"),
		redisRTT:   describe("dueq_redis_round_trip_seconds", "How long a PING took.", "server"),
		alarms:     newAlarmMetrics(),
	}
}

// Describe sends what Collect can send.
func (e *exporter) Describe(out chan<- *prometheus.Desc) {
	for _, desc := range append(e.alarms.all(),
		e.jobs, e.verbJobs, e.failed, e.expired, e.late, e.lag, e.queues, e.verdict, e.level, e.up, e.age, e.took, e.missed, e.streams,
		e.members, e.slots, e.busy, e.redisUp, e.redisUsed, e.redisLimit, e.redisRTT,
	) {
		out <- desc
	}
	for _, g := range e.gauges {
		out <- g.desc
	}
}

// Collect sends the latest frame. Queues are left out when it is stale, so that rules on them find
// nothing rather than what was true once.
func (e *exporter) Collect(out chan<- prometheus.Metric) {
	f, now := e.c.latest.Load().of(e.id), time.Now()
	v := judge(f, now, e.cfg)
	send(out, e.verdict, float64(v.Level))
	send(out, e.up, float64(count(f.running && f.missed == 0 && !f.at.IsZero())))
	send(out, e.missed, float64(f.missed))
	send(out, e.streams, float64(e.c.streams.Load()))
	if f.at.IsZero() {
		return
	}
	send(out, e.age, now.Sub(f.at).Seconds())
	send(out, e.took, f.took.Seconds())
	if f.stale(now, e.c.idle) {
		return
	}
	send(out, e.queues, float64(len(f.queues)))
	levels := map[string]level{}
	for _, found := range v.Findings {
		levels[found.Queue] = max(levels[found.Queue], found.Level)
	}
	for i := range f.queues[:min(len(f.queues), exportedQueues)] {
		if q := &f.queues[i]; q.err == nil {
			e.queue(out, q, levels[q.Name])
		}
	}
	if e.id.Scope() == "" { // incidents are of queues
		e.alarms.send(out, f.alarms)
	}
	e.fleet(out, &f.members)
	for i := range f.servers {
		e.server(out, i, &f.servers[i])
	}
}

// serveMetrics answers with the numbers of the queues in sight.
func (d *Dashboard) serveMetrics(w http.ResponseWriter, r *http.Request) {
	id := access.From(r.Context())
	if id.Scope() == "" {
		d.metrics.ServeHTTP(w, r)
		return
	}
	part := newExporter(d.collector, &d.cfg)
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
