package dashboard

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/dueq-io/dueq/alarm"
	"github.com/dueq-io/dueq/dashboard/access"
	"github.com/dueq-io/dueq/dashboard/redact"
	"github.com/dueq-io/dueq/queue"
)

// Dashboard serves the pages. It is made by New and is safe for concurrent use.
type Dashboard struct {
	cfg       Config
	namespace string
	client    *queue.Client
	collector *collector
	tongues   tongues
	table     []*page
	gate      *access.Gate
	redactor  *redact.Redactor
	failures  failures
	bulk      bulk
	distant   distant
	requests  *limiter
	tabs      *limiter
	recheck   time.Duration // between looks whether who watches a stream still may
	pages     map[string]*page
	static    static
	metrics   http.Handler
	checkup   checkup
	alarms    *alarm.Board
	handler   http.Handler
}

// New makes a Dashboard of the client's namespace. It returns queue.ErrInvalid for a Config that is not
// as its fields describe. Nothing is read before Run.
func New(client *queue.Client, cfg Config) (*Dashboard, error) {
	if client == nil {
		return nil, fmt.Errorf("dashboard: %w: no client", queue.ErrInvalid)
	}
	cfg = cfg.withDefaults(client)
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("dashboard: %w", err)
	}
	d, err := build(client, client.Namespace(), sourceOf(client), cfg)
	if err == nil {
		d.collector.slowly.jobs = sight{d, access.Identity{Role: access.Viewer}}.jobs
		d.collector.slowly.alarms = d.alarms.State
	}
	return d, err
}

func build(client *queue.Client, namespace string, from source, cfg Config) (*Dashboard, error) {
	d := &Dashboard{
		cfg: cfg, namespace: namespace, client: client, collector: newCollector(from, &cfg), redactor: redact.New(cfg.Redact),
		requests: newLimiter(requestsAtOnce), tabs: newLimiter(streamsAtOnce), recheck: heartbeat,
		alarms: alarm.NewBoard(client),
	}
	var err error
	if d.gate, err = access.NewGate(client, namespace, cfg.Access, cfg.secure(), cfg.Logger); err != nil {
		return nil, fmt.Errorf("dashboard: %w", err)
	}
	if d.static, err = loadStatic(cfg.BasePath + "/static/"); err != nil {
		return nil, fmt.Errorf("dashboard: %w", err)
	}
	if d.tongues, err = loadTongues(); err != nil {
		return nil, fmt.Errorf("dashboard: %w", err)
	}
	if err = d.loadPages(); err != nil {
		return nil, fmt.Errorf("dashboard: %w", err)
	}
	registry := prometheus.NewRegistry()
	if err := registry.Register(newExporter(d.collector, &d.cfg)); err != nil {
		return nil, fmt.Errorf("dashboard: %w", err)
	}
	d.metrics = metricsHandler(registry)
	if d.handler, err = d.router(d.routes()); err != nil {
		return nil, fmt.Errorf("dashboard: %w", err)
	}
	return d, nil
}

// errRunning is returned when Run is called while it runs.
var errRunning = errors.New("dashboard: Run is running already")

// Run samples Redis for all tabs until ctx ends, and then ends the event streams, so that a graceful
// stop of the server does not wait for them. It returns nil then, and an error only when it is running
// already. A Redis that is away is reported on the page and waited for.
func (d *Dashboard) Run(ctx context.Context) error {
	if !d.collector.started.CompareAndSwap(false, true) {
		return errRunning
	}
	defer d.collector.started.Store(false)
	var operations sync.WaitGroup
	operations.Go(func() { d.bulk.run(ctx) })
	d.collector.run(ctx)
	operations.Wait()
	return nil
}

// ServeHTTP answers the routes that the package describes.
func (d *Dashboard) ServeHTTP(w http.ResponseWriter, r *http.Request) { d.handler.ServeHTTP(w, r) }
