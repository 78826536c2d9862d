package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/dueq-io/dueq/queue"
	"github.com/dueq-io/dueq/scheduler"
	"github.com/dueq-io/dueq/worker"
)

// figure is one number of a daemon.
type figure struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
	read func() float64
}

// figures is what a daemon has done, read when it is asked for. The numbers of queues are the dashboard's.
type figures []figure

func (f figures) Describe(to chan<- *prometheus.Desc) {
	for _, one := range f {
		to <- one.desc
	}
}

func (f figures) Collect(to chan<- prometheus.Metric) {
	for _, one := range f {
		to <- prometheus.MustNewConstMetric(one.desc, one.kind, one.read())
	}
}

func counter(name, help string, read func() int64) figure {
	return figure{prometheus.NewDesc(name, help, nil, nil), prometheus.CounterValue, func() float64 { return float64(read()) }}
}

func workerFigures(w *worker.Worker) figures {
	const prefix = "dueq_worker_"
	running := figure{
		prometheus.NewDesc(prefix+"running", "Jobs that this worker has leased now.", nil, nil),
		prometheus.GaugeValue, func() float64 { return float64(w.Stats().Running) },
	}
	return figures{
		counter(prefix+"started_total", "Jobs that this worker has started.", func() int64 { return w.Stats().Started }),
		counter(prefix+"done_total", "Jobs done.", func() int64 { return w.Stats().Done }),
		counter(prefix+"retried_total", "Failures after which the job is retried.", func() int64 { return w.Stats().Retried }),
		counter(prefix+"snoozed_total", "Jobs put off with nothing counted.", func() int64 { return w.Stats().Snoozed }),
		counter(prefix+"dead_total", "Jobs that died.", func() int64 { return w.Stats().Dead }),
		counter(prefix+"expired_total", "Jobs that had expired before they started.", func() int64 { return w.Stats().Expired }),
		counter(prefix+"leases_lost_total", "Leases lost before the job was settled.", func() int64 { return w.Stats().LeasesLost }),
		counter(prefix+"unsettled_total", "Jobs that Redis would not settle; they run again.", func() int64 { return w.Stats().Unsettled }),
		running,
	}
}

func schedulerFigures(s *scheduler.Scheduler) figures {
	const prefix = "dueq_scheduler_"
	return figures{
		counter(prefix+"promoted_total", "Due jobs made ready.", func() int64 { return s.Stats().Promoted }),
		counter(prefix+"reaped_total", "Jobs taken back from lost workers.", func() int64 { return s.Stats().Reaped }),
		counter(prefix+"buried_total", "Jobs dead as a crash loop.", func() int64 { return s.Stats().Buried }),
		counter(prefix+"purged_total", "Dead and done jobs removed.", func() int64 { return s.Stats().Purged }),
	}
}

// reply writes to a client that may be gone.
func reply(w http.ResponseWriter, text string) { _, _ = fmt.Fprintln(w, text) }

const pingTime = 2 * time.Second

// metricsHandler answers /metrics, /healthz (the process is alive, whatever Redis does: a restart would not
// mend Redis) and /readyz (Redis answers).
func metricsHandler(client *queue.Client, all ...figures) http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	for _, f := range all {
		registry.MustRegister(f)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { reply(w, "alive") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), pingTime)
		defer cancel()
		if err := client.Ping(ctx); err != nil {
			http.Error(w, "redis does not answer", http.StatusServiceUnavailable)
			return
		}
		reply(w, "ready")
	})
	return mux
}

// metricsListener opens the address of the metrics, if one was given.
func metricsListener(ctx context.Context, addr string) (net.Listener, error) {
	if addr == "" {
		return nil, nil //nolint:nilnil // no address is no listener
	}
	l, err := listen(ctx, addr, 0)
	if err != nil {
		return nil, fmt.Errorf("metrics: %w", err)
	}
	return l, nil
}
