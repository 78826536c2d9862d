package worker

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/dueq-io/dueq/queue"
)

// Broker is the part of *queue.Broker that a Worker calls.
type broker interface {
	Lease(ctx context.Context, queue string, n int, lease time.Duration) ([]*queue.Delivery, bool, error)
	Extend(ctx context.Context, deliveries []*queue.Delivery, lease time.Duration) ([]error, error)
	Begin(ctx context.Context, d *queue.Delivery, lease time.Duration) error
	Ack(ctx context.Context, d *queue.Delivery) error
	AckThen(d *queue.Delivery, then func(error))
	Retry(ctx context.Context, d *queue.Delivery, delay time.Duration, cause error) error
	Snooze(ctx context.Context, d *queue.Delivery, delay time.Duration) error
	Release(ctx context.Context, d *queue.Delivery) error
	Bury(ctx context.Context, d *queue.Delivery, reason queue.Reason, cause error) error
	Drop(ctx context.Context, d *queue.Delivery) error
	WaitGroups(queues []string) [][]string
	WaitReady(ctx context.Context, queues []string, timeout time.Duration) (string, error)
	WakeReady(ctx context.Context, queue string) error
	AnyReady(ctx context.Context, queues []string) (bool, error)
	OutageDue() bool
}

// Worker leases jobs, runs their handlers and settles the results. Set its handlers, then call Run once.
type Worker struct {
	cfg        Config
	broker     broker
	handlers   map[string]Handler
	middleware []Middleware

	slots   *slots
	sources *sources
	running running
	crew    *crew
	tally   tally

	// hurry is closed to end the grace time; released says that what had not returned by the end was
	// given back, so that a late return settles nothing.
	hurry     chan struct{}
	hurryOnce sync.Once
	released  atomic.Bool
	started   atomic.Bool
	// vacant has a value after fetch found free slots and no queue to lease from.
	vacant chan struct{}
	// stopped is closed when Run returns, draining when it begins to.
	stopped, draining chan struct{}
	// join, where set, lets operators see the worker; they close quiet, for no more leases, and stop.
	join                func(name string, report func() queue.WorkerReport, wish func(queue.WorkerState)) (leave func())
	quiet, stop         chan struct{}
	quietOnce, stopOnce sync.Once
}

// New makes a Worker. It returns an error for a Config that is not valid.
func New(client *queue.Client, cfg Config) (*Worker, error) {
	b := client.Broker()
	w, err := newWorker(b, cfg)
	if err != nil {
		return nil, err
	}
	w.join = b.JoinWorker
	return w, nil
}

func newWorker(b broker, cfg Config) (*Worker, error) {
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("worker: %w", err)
	}
	w := &Worker{
		cfg: cfg, broker: b, handlers: map[string]Handler{},
		slots:   newSlots(cfg.Concurrency, cfg.QueueConcurrency),
		sources: newSources(cfg.Queues, cfg.Strict),
		hurry:   make(chan struct{}),
		vacant:  make(chan struct{}, 1),
		stopped: make(chan struct{}), draining: make(chan struct{}),
		quiet: make(chan struct{}), stop: make(chan struct{}),
	}
	w.crew = newCrew(w.stopped, w.finish)
	return w, nil
}

// Handle sets the handler of a kind, or with AnyKind the one for all kinds that have none. It is to be
// called before Run.
func (w *Worker) Handle(kind string, h Handler) { w.handlers[kind] = h }

// Use adds middleware around all handlers; the first is the outermost. It is to be called before Run.
func (w *Worker) Use(m ...Middleware) { w.middleware = append(w.middleware, m...) }

// Run serves the queues until ctx ends or an operator stops the worker (queue.Inspector.StopWorker). Then it
// leases no more, lets handlers finish for the grace time, ends their contexts with ErrShutdown, releases what
// has not returned 3 s later and returns: nil, or ErrUnfinished with the number of handlers that still run. A
// worker that was told to be quiet (QuietWorker) leases no more, and goes on until it is stopped. A Redis that
// is away is waited for.
func (w *Worker) Run(ctx context.Context) error {
	if !w.started.CompareAndSwap(false, true) {
		return fmt.Errorf("%w: a Worker runs once", queue.ErrInvalid)
	}
	defer close(w.stopped)
	for kind, h := range w.handlers {
		for _, m := range slices.Backward(w.middleware) {
			h = m(h)
		}
		w.handlers[kind] = h
	}
	w.cfg.Logger.Info("worker starts", "queues", w.queueNames(), "concurrency", w.cfg.Concurrency)
	if w.join != nil {
		leave := w.join(w.cfg.Name, w.report, w.wish)
		defer leave()
	}

	// Jobs outlive ctx by the grace time.
	jobs := context.WithoutCancel(ctx)
	beat, stopBeat := context.WithCancel(jobs)
	defer stopBeat()
	var heart sync.WaitGroup
	heart.Go(func() { w.heartbeat(beat) })
	if w.cfg.MaxRuntime > 0 {
		heart.Go(func() { w.watch(beat) })
	}

	var group errgroup.Group
	leasing, quieten := context.WithCancel(ctx)
	defer quieten()
	for _, queues := range w.broker.WaitGroups(w.queueNames()) {
		group.Go(func() error { w.listen(leasing, queues); return nil })
	}
	group.Go(func() error { w.fetch(leasing, jobs); return nil })
	w.await(ctx, quieten)
	close(w.draining)
	err := w.drain(ctx)
	_ = group.Wait()
	stopBeat()
	heart.Wait()
	w.cfg.Logger.Info("worker stopped", "unfinished", w.running.count())
	return err
}

// await returns when the worker is to stop; it leases no more then, or as soon as it is told to be quiet.
func (w *Worker) await(ctx context.Context, quieten func()) {
	select {
	case <-ctx.Done():
	case <-w.quiet:
		w.cfg.Logger.Info("worker is quiet: an operator asked for it")
	}
	quieten()
	w.stopListening(ctx)
	select {
	case <-ctx.Done():
	case <-w.stop:
		w.cfg.Logger.Info("worker stops: an operator asked for it")
	}
}

func (w *Worker) queueNames() []string { return slices.Sorted(maps.Keys(w.cfg.Queues)) }

// ReleaseNow ends the grace time of a Run whose context has ended, as a second signal should.
func (w *Worker) ReleaseNow() { w.hurryOnce.Do(func() { close(w.hurry) }) }

// returnTime is how long handlers have to return after their contexts have ended.
const returnTime = 3 * time.Second

// drain waits for the handlers and releases what is left of them.
func (w *Worker) drain(ctx context.Context) error {
	idle := w.slots.drained()
	grace := time.NewTimer(w.cfg.Grace)
	defer grace.Stop()
	select {
	case <-idle:
		return nil
	case <-grace.C:
	case <-w.hurry:
	}
	for _, job := range w.running.all() {
		job.cancel(ErrShutdown)
	}
	last := time.NewTimer(returnTime)
	defer last.Stop()
	select {
	case <-idle:
		return nil
	case <-last.C:
	}
	w.released.Store(true)
	left := w.running.all()
	if len(left) == 0 {
		return nil // what is not idle is a lease call that Redis does not answer
	}
	// All together: they go in few calls, and with Redis away wait once and not one after another.
	call, cancel := context.WithTimeout(context.WithoutCancel(ctx), callTimeout)
	defer cancel()
	var group sync.WaitGroup
	for _, job := range left {
		group.Go(func() { w.giveUp(call, []*queue.Delivery{job.d}) })
	}
	group.Wait()
	return fmt.Errorf("%w: %d", ErrUnfinished, len(left))
}
