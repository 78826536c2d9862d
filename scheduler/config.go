package scheduler

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/dueq-io/dueq/queue"
)

// Config is how a Scheduler behaves. Every zero field is its default.
type Config struct {
	// Queues are the queues to serve. Default: all of the namespace, as they appear.
	Queues []string
	// MaxLost is how many workers may be lost with a job until it is dead as a crash loop. Default: 3.
	MaxLost int
	// Grace is how long workers have for a heartbeat after Redis was away, before leases that ran out
	// meanwhile are ended. Workers that could not reach Redis try twice a second. Where its clock may be
	// set ahead by more than two thirds of a lease, let it be a third of the longest lease and a second:
	// workers that notice nothing are heard that often, and their jobs run twice otherwise. Default: 3 s.
	Grace time.Duration

	// DeadAge is how long dead jobs are kept. Default: 90 days. Negative: for ever.
	DeadAge time.Duration
	// DeadKeep is how many dead jobs each queue keeps at most, the newest. What is removed is counted
	// as purge_dead. Default: 1,000,000. Negative: any number.
	DeadKeep int
	// DoneKeep is how many done jobs each queue keeps at most, those with the longest to go. Default:
	// 1,000,000. Negative: any number.
	DoneKeep int
	// PurgeEvery is the longest time between two looks for what is to be removed; after a look that
	// removed something the next comes within a tenth of it. Default: 5 min.
	PurgeEvery time.Duration

	// Logger receives what fails, at most one line a second from each loop; while Redis is away, a line
	// every 5 s. Default: slog.Default().
	Logger *slog.Logger
}

const (
	defaultMaxLost    = 3
	defaultGrace      = 3 * time.Second
	defaultDeadAge    = 90 * 24 * time.Hour
	defaultKeep       = 1_000_000
	defaultPurgeEvery = 5 * time.Minute
)

func (c Config) withDefaults() Config {
	c.MaxLost = cmp.Or(c.MaxLost, defaultMaxLost)
	c.Grace = cmp.Or(c.Grace, defaultGrace)
	c.DeadAge = cmp.Or(c.DeadAge, defaultDeadAge)
	c.DeadKeep = cmp.Or(c.DeadKeep, defaultKeep)
	c.DoneKeep = cmp.Or(c.DoneKeep, defaultKeep)
	c.PurgeEvery = cmp.Or(c.PurgeEvery, defaultPurgeEvery)
	c.Logger = cmp.Or(c.Logger, slog.Default())
	return c
}

// validate returns all that is wrong, joined. Names of queues are checked by the broker.
func (c *Config) validate() error {
	var errs []error
	if c.MaxLost < 1 {
		errs = append(errs, fmt.Errorf("%w: MaxLost %d: want at least 1", queue.ErrInvalid, c.MaxLost))
	}
	if c.Grace < 0 {
		errs = append(errs, fmt.Errorf("%w: Grace %v: want 0 or more", queue.ErrInvalid, c.Grace))
	}
	if c.PurgeEvery < time.Second {
		errs = append(errs, fmt.Errorf("%w: PurgeEvery %v: want at least 1s", queue.ErrInvalid, c.PurgeEvery))
	}
	return errors.Join(errs...)
}
