package dashboard

import (
	"strconv"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/dueq-io/dueq/queue"
)

// gauge is one family of numbers of a queue; ok says that there is one.
type gauge struct {
	desc  *prometheus.Desc
	value func(q *queueState) (n float64, ok bool)
}

// queueGauges are the numbers of a queue that the verdict is made of.
func queueGauges() []gauge {
	always := func(value func(q *queueState) float64) func(*queueState) (float64, bool) {
		return func(q *queueState) (float64, bool) { return value(q), true }
	}
	ofCrew := func(value func(c *crew) int) func(*queueState) (float64, bool) {
		return func(q *queueState) (float64, bool) { return float64(value(&q.crew)), q.crew.known }
	}
	return []gauge{
		{describe("dueq_queue_oldest_ready_seconds", "How long the job at the head of ready has been due.", "queue"), always(func(q *queueState) float64 { return q.OldestReady.Seconds() })},
		{describe("dueq_queue_overdue_jobs", "Jobs that are due but not promoted: above 0 for long when no mover runs.", "queue"), always(func(q *queueState) float64 { return float64(q.Overdue) })},
		{describe("dueq_queue_overdue_age_seconds", "How long the first overdue job has been due.", "queue"), always(func(q *queueState) float64 { return q.OverdueAge.Seconds() })},
		{describe("dueq_queue_paused", "1 when workers get no jobs.", "queue"), always(func(q *queueState) float64 { return float64(count(q.Paused)) })},
		{describe("dueq_queue_intake_closed", "1 when producers are refused.", "queue"), always(func(q *queueState) float64 { return float64(count(q.Closed)) })},
		{describe("dueq_queue_limit_jobs", "Number of jobs at which producers are refused; 0 is no limit.", "queue"), always(func(q *queueState) float64 { return float64(q.MaxLen) })},
		{describe("dueq_queue_next_due_seconds", "Time until the next job is due; none when nothing waits.", "queue"), func(q *queueState) (float64, bool) {
			return max(0, q.NextDue.Seconds()), q.NextDue >= 0 || q.Overdue > 0
		}},
		{describe("dueq_queue_workers", "Workers that take jobs of the queue.", "queue"), ofCrew(func(c *crew) int { return c.leasing })},
		{describe("dueq_queue_slots", "Handlers that these workers may run at once, over all queues that they serve.", "queue"), ofCrew(func(c *crew) int { return c.slots })},
	}
}

func (e *exporter) queue(out chan<- prometheus.Metric, q *queueState, worst level) {
	name := labelOf(q.Name)
	send(out, e.level, float64(worst), name)
	for _, state := range queue.States() {
		send(out, e.jobs, float64(q.State(state)), name, string(state))
	}
	for _, g := range e.gauges {
		if n, ok := g.value(q); ok {
			send(out, g.desc, n, name)
		}
	}
	for _, verb := range verbs {
		counter(out, e.verbJobs, q.Counts[verb], name, verb)
	}
	if q.five.To.IsZero() {
		return
	}
	all := &q.five.Total
	counter(out, e.failed, all.Failed, name)
	counter(out, e.expired, all.Expired, name)
	histogram(out, e.late, &all.Lateness, name)
	histogram(out, e.lag, &all.PromoteLag, name)
}

func (e *exporter) fleet(out chan<- prometheus.Metric, m *members) {
	if !m.fleetKnown {
		return
	}
	t := m.tally()
	send(out, e.members, float64(t.workers), "worker")
	send(out, e.members, float64(t.movers), "scheduler")
	send(out, e.members, float64(t.producers), "producer")
	send(out, e.slots, float64(t.slots))
	send(out, e.busy, float64(t.busy))
}

// server names no address: where servers are is for administrators.
func (e *exporter) server(out chan<- prometheus.Metric, place int, s *queue.ServerInfo) {
	name := strconv.Itoa(place)
	send(out, e.redisUp, float64(count(s.Err == nil)), name)
	if s.Err == nil {
		send(out, e.redisUsed, float64(s.Used), name)
		send(out, e.redisLimit, float64(s.Limit), name)
		send(out, e.redisRTT, s.RTT.Seconds(), name)
	}
}

// labelOf makes a label of a name: one that is not UTF-8 would panic.
func labelOf(name string) string { return strings.ToValidUTF8(name, "�") }

func send(out chan<- prometheus.Metric, desc *prometheus.Desc, value float64, labels ...string) {
	out <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value, labels...)
}

func counter(out chan<- prometheus.Metric, desc *prometheus.Desc, n int64, labels ...string) {
	out <- prometheus.MustNewConstMetric(desc, prometheus.CounterValue, float64(n), labels...)
}

// bucketEvery is how many parts of a queue.Histogram make a bucket: 1 ms, 4 ms, 16 ms and so on.
const bucketEvery = 4

// histogram sends a histogram in fewer buckets than it has parts. Their ends are those of parts, so that
// each job is in its bucket; a time that is just an end is in the next, which makes less than a ms.
func histogram(out chan<- prometheus.Metric, desc *prometheus.Desc, h *queue.Histogram, labels ...string) {
	buckets, seen, sum := map[float64]uint64{}, uint64(0), 0.0
	for i, n := range h {
		low, high := queue.HistogramBounds(i)
		seen += uint64(max(0, n))
		if high < 0 {
			sum += float64(n) * low.Seconds()
			break
		}
		sum += float64(n) * (low + high).Seconds() / 2
		if i%bucketEvery == 0 {
			buckets[high.Seconds()] = seen
		}
	}
	out <- prometheus.MustNewConstHistogram(desc, seen, sum, buckets, labels...)
}
