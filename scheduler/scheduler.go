package scheduler

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dueq-io/dueq/queue"
)

// broker is the part of *queue.Broker that a Scheduler calls.
type broker interface {
	Queues(ctx context.Context) ([]string, error)
	Promote(ctx context.Context, queue string, limit int) (queue.Promotion, error)
	Reap(ctx context.Context, queue string, cfg queue.ReapConfig) (queue.Reaping, error)
	Purge(ctx context.Context, queue string, cfg queue.PurgeConfig) (queue.Purged, error)
	WaitGroups(queues []string) [][]string
	WaitTick(ctx context.Context, queues []string, timeout time.Duration) (string, error)
	WakeTick(ctx context.Context, queue string) error
	AnyLeased(ctx context.Context, queues []string) (bool, error)
	OutageDue() bool
}

// Scheduler moves time forward: it makes due jobs ready, takes jobs back from workers that were lost,
// and removes what has been kept for long enough. Every step is one atomic script, so any number of
// schedulers may run at once; one is enough.
type Scheduler struct {
	cfg    Config
	broker broker
	tally  tally

	mu      sync.Mutex
	keepers map[string]*keeper
	started atomic.Bool
	// work is all goroutines of Run.
	work sync.WaitGroup
	// join, where set, lets operators see the scheduler.
	join func(report func() queue.SchedulerReport) (leave func())
}

// keeper is what a Scheduler has for one queue.
type keeper struct {
	queue string
	// tick has a value when the mover is to look again.
	tick chan struct{}
}

func (k *keeper) wake() {
	select {
	case k.tick <- struct{}{}:
	default:
	}
}

// New makes a Scheduler. It returns an error for a Config that is not valid.
func New(client *queue.Client, cfg Config) (*Scheduler, error) {
	b := client.Broker()
	s, err := newScheduler(b, cfg)
	if err != nil {
		return nil, err
	}
	s.join = b.JoinScheduler
	return s, nil
}

func newScheduler(b broker, cfg Config) (*Scheduler, error) {
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("scheduler: %w", err)
	}
	return &Scheduler{cfg: cfg, broker: b, keepers: map[string]*keeper{}}, nil
}

// refreshEvery is how often the list of queues is read, beside the hints that a queue is new.
const refreshEvery = 10 * time.Second

// Run serves the queues until ctx ends, and returns nil then, within about 2 s. A Redis that is away is
// waited for.
func (s *Scheduler) Run(ctx context.Context) error {
	if !s.started.CompareAndSwap(false, true) {
		return fmt.Errorf("%w: a Scheduler runs once", queue.ErrInvalid)
	}
	s.cfg.Logger.Info("scheduler starts")
	if s.join != nil {
		leave := s.join(s.report)
		defer leave()
	}
	s.adopt(ctx, s.cfg.Queues)
	if s.apart() {
		s.work.Go(func() { s.listen(ctx, func() []string { return nil }) })
	} else {
		s.work.Go(func() { s.listen(ctx, s.queues) })
	}
	s.work.Go(func() { s.reap(ctx) })
	s.work.Go(func() { s.purge(ctx) })
	if len(s.cfg.Queues) == 0 {
		s.work.Go(func() { s.discover(ctx) })
	}
	<-ctx.Done()
	s.stopListening(ctx)
	s.work.Wait()
	s.cfg.Logger.Info("scheduler stopped")
	return nil
}

// discover reads the list of queues from time to time.
func (s *Scheduler) discover(ctx context.Context) {
	var pause backoff
	for ctx.Err() == nil {
		wait := refreshEvery
		if err := s.refresh(ctx); err != nil {
			wait = s.failed(&pause, "list queues", err)
		} else {
			pause.reset()
		}
		sleep(ctx, wait)
	}
}

func (s *Scheduler) refresh(ctx context.Context) error {
	names, err := s.broker.Queues(ctx)
	if err != nil {
		return err
	}
	s.adopt(ctx, names)
	return nil
}

// adopt starts a mover for each queue that has none.
func (s *Scheduler) adopt(ctx context.Context, names []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, name := range names {
		if _, ok := s.keepers[name]; ok || ctx.Err() != nil {
			continue
		}
		k := &keeper{queue: name, tick: make(chan struct{}, 1)}
		s.keepers[name] = k
		s.work.Go(func() { s.promote(ctx, k) })
		if s.apart() {
			s.work.Go(func() { s.listen(ctx, func() []string { return []string{name} }) })
		}
	}
}

// apart says that each queue has to be waited for by itself, as on a Redis Cluster.
func (s *Scheduler) apart() bool { return len(s.broker.WaitGroups([]string{"a", "b"})) > 1 }

// queues returns the names of all queues served, sorted.
func (s *Scheduler) queues() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	names := make([]string, 0, len(s.keepers))
	for name := range s.keepers {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func (s *Scheduler) wake(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if k, ok := s.keepers[name]; ok {
		k.wake()
	}
}

func (s *Scheduler) wakeAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, k := range s.keepers {
		k.wake()
	}
}

// Stats is what a Scheduler has done since it began, in jobs.
type Stats struct {
	Promoted int64 `json:"promoted"`
	Reaped   int64 `json:"reaped"`
	// Buried is how many jobs were dead as a crash loop.
	Buried int64 `json:"buried"`
	Purged int64 `json:"purged"`
}

type tally struct{ promoted, reaped, buried, purged atomic.Int64 }

// Stats returns the counts at this moment.
func (s *Scheduler) Stats() Stats {
	t := &s.tally
	return Stats{Promoted: t.promoted.Load(), Reaped: t.reaped.Load(), Buried: t.buried.Load(), Purged: t.purged.Load()}
}

// reportedQueues bounds what is said once a second.
const reportedQueues = 100

// report is what operators see of the scheduler.
func (s *Scheduler) report() queue.SchedulerReport {
	names, stats := s.queues(), s.Stats()
	return queue.SchedulerReport{
		Queues: names[:min(len(names), reportedQueues)],
		Counts: map[string]int64{
			"promoted": stats.Promoted, "reaped": stats.Reaped, "buried": stats.Buried, "purged": stats.Purged,
		},
	}
}
