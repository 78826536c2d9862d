package worker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/dueq-io/dueq/queue"
)

// Config is how a Worker behaves. Every zero field but Queues is its default.
type Config struct {
	// Queues are the queues to serve and their weights, 1 to 1,000. A queue of weight 3 gets three
	// turns for each of one of weight 1, while both have jobs. Required.
	Queues map[string]int
	// Strict serves a queue only while none of higher weight has jobs.
	Strict bool
	// Concurrency is how many handlers run at once, 1 to 100,000. Default: 10.
	Concurrency int
	// QueueConcurrency limits single queues further. Default: Concurrency.
	QueueConcurrency map[string]int

	// Lease is how long a job is this worker's without a heartbeat, 1 s to 1 h; a heartbeat goes out
	// every third of it. After a crash its jobs run elsewhere when it is over. Default: 30 s.
	Lease time.Duration
	// MaxRuntime is how long a handler may run until its context ends with ErrMaxRuntime. One that
	// does not return within another Lease loses the job. Default: 1 h. Negative: no limit.
	MaxRuntime time.Duration
	// Grace is how long Run lets handlers finish after its context has ended. Default: 25 s.
	// Negative: not at all.
	Grace time.Duration

	// MaxAttempts is how many failures a job is allowed that does not say so itself. Default: 25.
	MaxAttempts int
	// Backoff is the wait before a retry, for kinds that Backoffs does not name and jobs that bring
	// no table. Default: queue.Exponential(10s, 6h), that is up to 10 s, 20 s, 40 s and so on.
	Backoff queue.Backoff
	// Backoffs is the wait before a retry by kind.
	Backoffs map[string]queue.Backoff
	// UnknownDelay is how long a job of a kind without a handler is snoozed: a newer deployment may
	// know it. Default: 1 min.
	UnknownDelay time.Duration

	// OnDead is called when this worker has buried a job, for whatever reason; err is nil for one that
	// expired. A panic in it is logged.
	OnDead func(ctx context.Context, d *queue.Delivery, reason queue.Reason, err error)
	// Name is this worker in logs and in queue.Inspector.Workers, which cuts it to 128 bytes. Default: none.
	Name string
	// Logger receives what happens: single jobs at debug, retries at warn, dead jobs at error; while
	// Redis is away, a line every 5 s. Default: slog.Default().
	Logger *slog.Logger
}

const (
	defaultConcurrency  = 10
	maxConcurrency      = 100_000
	maxWeight           = 1000
	defaultMaxRuntime   = time.Hour
	defaultGrace        = 25 * time.Second
	defaultMaxAttempts  = 25
	defaultUnknownDelay = time.Minute
	firstRetryWithin    = 10 * time.Second
	everyRetryWithin    = 6 * time.Hour
)

func (c Config) withDefaults() Config {
	c.Concurrency = cmp.Or(c.Concurrency, defaultConcurrency)
	c.Lease = cmp.Or(c.Lease, queue.DefaultLease)
	c.MaxRuntime = cmp.Or(c.MaxRuntime, defaultMaxRuntime)
	c.Grace = max(cmp.Or(c.Grace, defaultGrace), 0)
	c.MaxAttempts = cmp.Or(c.MaxAttempts, defaultMaxAttempts)
	c.UnknownDelay = cmp.Or(c.UnknownDelay, defaultUnknownDelay)
	c.Logger = cmp.Or(c.Logger, slog.Default())
	if c.Backoff == nil {
		c.Backoff = queue.Exponential(firstRetryWithin, everyRetryWithin)
	}
	if c.Name != "" {
		c.Logger = c.Logger.With("worker_id", c.Name)
	}
	return c
}

// validate returns all that is wrong, joined. Names of queues are checked by the broker.
func (c *Config) validate() error {
	var errs []error
	wrong := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("%w: "+format, append([]any{queue.ErrInvalid}, args...)...))
	}
	if len(c.Queues) == 0 {
		wrong("Queues is empty: name at least one queue to serve")
	}
	for name, weight := range c.Queues {
		if weight < 1 || weight > maxWeight {
			wrong("weight %d of queue %s: want 1 to %d", weight, name, maxWeight)
		}
	}
	if c.Concurrency < 1 || c.Concurrency > maxConcurrency {
		wrong("Concurrency %d: want 1 to %d", c.Concurrency, maxConcurrency)
	}
	for name, limit := range c.QueueConcurrency {
		if _, ok := c.Queues[name]; !ok {
			wrong("QueueConcurrency names queue %s, which Queues does not", name)
		}
		if limit < 1 {
			wrong("QueueConcurrency %d of queue %s: want at least 1", limit, name)
		}
	}
	if c.Lease < queue.MinLease || c.Lease > queue.MaxLease {
		wrong("Lease %v: want %v to %v", c.Lease, queue.MinLease, queue.MaxLease)
	}
	if c.MaxAttempts < 1 {
		wrong("MaxAttempts %d: want at least 1", c.MaxAttempts)
	}
	if c.UnknownDelay < 0 {
		wrong("UnknownDelay %v: want 0 or more", c.UnknownDelay)
	}
	return errors.Join(errs...)
}
