package dashboard

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"time"

	"github.com/dueq-io/dueq/queue"
)

// Thresholds are where the verdict on a queue turns from healthy to degraded, and from there to down.
// Negative: never.
type Thresholds struct {
	// ReadyDegraded and ReadyDown are how long the job at the head of a queue that is not paused may
	// have been due. Default: 30 s and 5 min.
	ReadyDegraded, ReadyDown time.Duration
	// OverdueDegraded and OverdueDown are how long a delayed or retrying job may be due without being
	// promoted. Default: 2 s and 30 s.
	OverdueDegraded, OverdueDown time.Duration
	// LatenessDegraded and LatenessDown are how long after their due time 99 of 100 jobs may start that
	// have started in the last 5 min, and in the last of these. Default: 1 s and 10 s.
	LatenessDegraded, LatenessDown time.Duration
	// ErrorsDegraded and ErrorsDown are the share of attempts that may fail in 5 min, 0 to 1, judged from
	// 20 attempts on. Default: 0.05 and 0.25.
	ErrorsDegraded, ErrorsDown float64
	// DeadDegraded is how many jobs may not die within an hour. Default: 1.
	DeadDegraded int64
}

const (
	defaultReadyDegraded    = 30 * time.Second
	defaultReadyDown        = 5 * time.Minute
	defaultOverdueDegraded  = 2 * time.Second
	defaultOverdueDown      = 30 * time.Second
	defaultLatenessDegraded = time.Second
	defaultLatenessDown     = 10 * time.Second
	defaultErrorsDegraded   = 0.05
	defaultErrorsDown       = 0.25
	defaultDeadDegraded     = 1
	defaultMemoryDegraded   = 0.8
	defaultMemoryDown       = 0.95
)

var defaultThresholds = Thresholds{
	defaultReadyDegraded, defaultReadyDown, defaultOverdueDegraded, defaultOverdueDown,
	defaultLatenessDegraded, defaultLatenessDown, defaultErrorsDegraded, defaultErrorsDown, defaultDeadDegraded,
}

// or fills zero fields from others.
func (t Thresholds) or(other Thresholds) Thresholds {
	return Thresholds{
		ReadyDegraded: cmp.Or(t.ReadyDegraded, other.ReadyDegraded), ReadyDown: cmp.Or(t.ReadyDown, other.ReadyDown),
		OverdueDegraded: cmp.Or(t.OverdueDegraded, other.OverdueDegraded), OverdueDown: cmp.Or(t.OverdueDown, other.OverdueDown),
		LatenessDegraded: cmp.Or(t.LatenessDegraded, other.LatenessDegraded), LatenessDown: cmp.Or(t.LatenessDown, other.LatenessDown),
		ErrorsDegraded: cmp.Or(t.ErrorsDegraded, other.ErrorsDegraded), ErrorsDown: cmp.Or(t.ErrorsDown, other.ErrorsDown),
		DeadDegraded: cmp.Or(t.DeadDegraded, other.DeadDegraded),
	}
}

// validate returns what is wrong, through wrong. name says whose thresholds they are.
func (t *Thresholds) validate(name string, wrong func(format string, args ...any)) {
	if t.ReadyDown >= 0 && t.ReadyDown < t.ReadyDegraded {
		wrong("%s: ReadyDown %v is before ReadyDegraded %v", name, t.ReadyDown, t.ReadyDegraded)
	}
	if t.OverdueDown >= 0 && t.OverdueDown < t.OverdueDegraded {
		wrong("%s: OverdueDown %v is before OverdueDegraded %v", name, t.OverdueDown, t.OverdueDegraded)
	}
	if t.LatenessDown >= 0 && t.LatenessDown < t.LatenessDegraded {
		wrong("%s: LatenessDown %v is before LatenessDegraded %v", name, t.LatenessDown, t.LatenessDegraded)
	}
	checkShares(name, "Errors", t.ErrorsDegraded, t.ErrorsDown, wrong)
}

func checkShares(name, field string, warn, fail float64, wrong func(format string, args ...any)) {
	if warn > 1 || fail > 1 || warn != warn || fail != fail {
		wrong("%s: %sDegraded %v, %sDown %v: want shares up to 1", name, field, warn, field, fail)
	}
	if fail >= 0 && fail < warn {
		wrong("%s: %sDown %v is before %sDegraded %v", name, field, fail, field, warn)
	}
}

// thresholds are those of a queue: its own, those of the longest pattern that fits it, or those of all.
func (c *Config) thresholds(name string) *Thresholds {
	best, found := "", false
	for pattern := range c.QueueThresholds {
		if pattern == name {
			best, found = pattern, true
			break
		}
		if fits, err := path.Match(pattern, name); err == nil && fits && (!found || longer(pattern, best)) {
			best, found = pattern, true
		}
	}
	if !found {
		return &c.Thresholds
	}
	t := c.QueueThresholds[best]
	return &t
}

func longer(a, b string) bool { return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b)) > 0 }

func (c *Config) fillThresholds() {
	c.Thresholds = c.Thresholds.or(defaultThresholds)
	own := make(map[string]Thresholds, len(c.QueueThresholds))
	for pattern, t := range c.QueueThresholds {
		own[pattern] = t.or(c.Thresholds)
	}
	c.QueueThresholds = own
	c.MemoryDegraded = cmp.Or(c.MemoryDegraded, defaultMemoryDegraded)
	c.MemoryDown = cmp.Or(c.MemoryDown, defaultMemoryDown)
}

// CheckThresholds returns all that is wrong with the thresholds of single queues, where those of all others are the
// defaults, joined: each is an ErrInvalid. A program that reads them from people can so refuse them at once.
func CheckThresholds(queues map[string]Thresholds) error {
	c := Config{QueueThresholds: queues}
	c.fillThresholds()
	return c.checkThresholds()
}

func (c *Config) checkThresholds() error {
	var errs []error
	wrong := func(format string, args ...any) { errs = append(errs, invalid(format, args...)) }
	c.Thresholds.validate("Thresholds", wrong)
	for _, pattern := range slices.Sorted(maps.Keys(c.QueueThresholds)) {
		if _, err := path.Match(pattern, ""); err != nil || pattern == "" {
			wrong("QueueThresholds %q: want a name of a queue with * and ?", pattern)
		}
		t := c.QueueThresholds[pattern]
		t.validate("QueueThresholds of "+pattern, wrong)
	}
	checkShares("Redis", "Memory", c.MemoryDegraded, c.MemoryDown, wrong)
	return errors.Join(errs...)
}

func invalid(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{queue.ErrInvalid}, args...)...)
}
