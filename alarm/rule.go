package alarm

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"path"
	"regexp"
	"slices"
	"time"

	"github.com/dueq-io/dueq/queue"
)

// Rule says when people are to be told.
type Rule struct {
	// Name is 1 to 64 characters of [a-zA-Z0-9_.-], and no other rule's.
	Name   string `json:"name"`
	Signal Signal `json:"signal"`
	// Queues is a pattern of the queues that the rule is for: * for any characters, ? for one. Default: all.
	Queues string `json:"queues,omitempty"`
	// Above is the value over which an incident begins, in the unit of the signal: jobs, seconds, or a share
	// from 0 to 1. Required, but for NoWorker, whose default is 0.
	Above float64 `json:"above"`
	// Clear is the value at which the incident ends, at most Above. Default: four fifths of Above.
	Clear float64 `json:"clear"`
	// For is for how long the value must be over Above until the incident begins, up to 24 h. Default: 0, as
	// soon as it is seen.
	For time.Duration `json:"for_ns"`
	// Added says that the rule was made at run time, and not by Config.Rules.
	Added bool `json:"added,omitempty"`
}

// DefaultRules are the rules of a watcher that is given none: what needs a person in any system. Depth and
// lateness depend on what the queue is for, so no default is right for them.
func DefaultRules() []Rule {
	rules := []Rule{
		{Name: "oldest-ready", Signal: OldestReady, Above: 5 * minute, For: time.Minute},
		{Name: "overdue", Signal: Overdue, Above: 30, For: 30 * time.Second},
		{Name: "error-rate", Signal: ErrorRate, Above: 0.25, For: 2 * time.Minute},
		{Name: "dead-growth", Signal: DeadGrowth, Above: 100},
		{Name: "no-worker", Signal: NoWorker, For: time.Minute},
		{Name: "redis-memory", Signal: RedisMemory, Above: 0.8, For: time.Minute},
		{Name: "redis-away", Signal: RedisAway, Above: 30},
	}
	for i := range rules {
		rules[i] = rules[i].withDefaults()
	}
	return rules
}

const minute = 60

// clearShare of Above is the default of Clear.
const clearShare = 0.8

func (r Rule) withDefaults() Rule {
	r.Clear = cmp.Or(r.Clear, r.Above*clearShare)
	if r.Signal.OfQueue() {
		r.Queues = cmp.Or(r.Queues, "*")
	}
	return r
}

var (
	ruleName     = regexp.MustCompile(`^[a-zA-Z0-9_.-]{1,64}$`)
	queueName    = ruleName
	queuePattern = regexp.MustCompile(`^[a-zA-Z0-9_.*?-]{1,64}$`)
)

const maxFor = 24 * time.Hour

// validate returns all that is wrong with a rule that has its defaults, joined.
func (r *Rule) validate() error {
	if !ruleName.MatchString(r.Name) {
		return fmt.Errorf("%w: name of rule %q: want 1 to 64 characters of [a-zA-Z0-9_.-]", queue.ErrInvalid, r.Name)
	}
	if !slices.Contains(Signals(), r.Signal) {
		return fmt.Errorf("%w: rule %s: signal %q: want one of %v", queue.ErrInvalid, r.Name, r.Signal, Signals())
	}
	var errs []error
	wrong := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("%w: rule %s: "+format, append([]any{queue.ErrInvalid, r.Name}, args...)...))
	}
	switch {
	case r.Signal.OfQueue() && !queuePattern.MatchString(r.Queues):
		wrong("queues %q: want a name, or a pattern with * and ?", r.Queues)
	case !r.Signal.OfQueue() && r.Queues != "":
		wrong("queues %q: %s is of Redis, not of a queue", r.Queues, r.Signal)
	}
	switch {
	case math.IsNaN(r.Above) || math.IsInf(r.Above, 0) || r.Above < 0:
		wrong("above %v: want 0 or more", r.Above)
	case r.Above == 0 && r.Signal != NoWorker:
		wrong("above: want the value over which an incident begins, such as %s", r.Signal.example())
	case r.Above > 1 && r.Signal.unit() == share:
		wrong("above %s: want at most 100%%", r.Signal.Format(r.Above))
	}
	if math.IsNaN(r.Clear) || r.Clear < 0 || r.Clear > r.Above {
		wrong("clear %s: want at most above, which is %s", r.Signal.Format(r.Clear), r.Signal.Format(r.Above))
	}
	if r.For < 0 || r.For > maxFor {
		wrong("for %v: want 0 to %v", r.For, maxFor)
	}
	return errors.Join(errs...)
}

func (s Signal) example() string {
	return [...]string{jobs: "1000", seconds: "5m", share: "25%"}[s.unit()]
}

// Covers says whether the rule is for a queue; the name of Redis is "".
func (r *Rule) Covers(name string) bool {
	if !r.Signal.OfQueue() {
		return name == ""
	}
	return name != "" && matches(r.Queues, name)
}

func matches(pattern, name string) bool {
	ok, err := path.Match(pattern, name)
	return err == nil && ok
}

// maxRules bounds the work of a look and the size of the state.
const maxRules = 200

// CheckRules returns rules with their defaults, or all that is wrong with them, joined: each is an ErrInvalid.
func CheckRules(rules []Rule) ([]Rule, error) {
	if len(rules) > maxRules {
		return nil, fmt.Errorf("%w: %d rules: want at most %d", queue.ErrInvalid, len(rules), maxRules)
	}
	out := make([]Rule, len(rules))
	seen := map[string]bool{}
	var errs []error
	for i := range rules {
		out[i] = rules[i].withDefaults()
		errs = append(errs, out[i].validate())
		if seen[out[i].Name] {
			errs = append(errs, fmt.Errorf("%w: two rules have the name %q", queue.ErrInvalid, out[i].Name))
		}
		seen[out[i].Name] = true
	}
	return out, errors.Join(errs...)
}

// Silence holds back the messages of incidents that begin while it lasts.
type Silence struct {
	ID string `json:"id"`
	// Rule and Queues are patterns of the rules and the queues that it is for. Default: all.
	Rule   string `json:"rule"`
	Queues string `json:"queues"`
	// Until is when it ends, by Redis's clock, at most 30 days ahead. Required.
	Until time.Time `json:"until"`
	// By is who made it and Why the reason, each 1 to 200 bytes. Required.
	By  string `json:"by"`
	Why string `json:"why"`
	// Made is when it was made.
	Made time.Time `json:"made"`
}

const (
	maxSilence     = 30 * 24 * time.Hour
	maxSilences    = 100
	maxSilenceText = 200
)

func (s Silence) withDefaults() Silence {
	s.Rule, s.Queues = cmp.Or(s.Rule, "*"), cmp.Or(s.Queues, "*")
	return s
}

func (s *Silence) validate(now time.Time) error {
	var errs []error
	wrong := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("%w: silence: "+format, append([]any{queue.ErrInvalid}, args...)...))
	}
	if !queuePattern.MatchString(s.Rule) {
		wrong("rule %q: want a name, or a pattern with * and ?", s.Rule)
	}
	if !queuePattern.MatchString(s.Queues) {
		wrong("queues %q: want a name, or a pattern with * and ?", s.Queues)
	}
	if left := s.Until.Sub(now); left <= 0 || left > maxSilence {
		wrong("until %s: want a time within the next %d days", s.Until.UTC().Format(time.RFC3339), maxSilence/(24*time.Hour))
	}
	for what, text := range map[string]string{"by whom": s.By, "why": s.Why} {
		if text == "" || len(text) > maxSilenceText {
			wrong("%s: want 1 to %d bytes", what, maxSilenceText)
		}
	}
	return errors.Join(errs...)
}

// covers says whether the silence holds for an incident at a moment. A pattern of queues is also for Redis
// where it is a lone *.
func (s *Silence) covers(i *Incident, now time.Time) bool {
	return now.Before(s.Until) && matches(s.Rule, i.Rule.Name) && matches(s.Queues, i.Queue)
}
