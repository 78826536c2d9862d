package alarm

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"regexp"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dueq-io/dueq/queue"
)

// Config is how a Watcher behaves. Every zero field is its default.
type Config struct {
	// Rules are put in the place of those of all configurations before, in every watcher of the namespace.
	// Rules made at run time stay. Default: DefaultRules. Empty and not nil: none.
	Rules []Rule
	// Senders are told about incidents. Each must have a name of its own, and watchers with senders of the same
	// name take them for one. Default: none; incidents are kept all the same.
	Senders []Sender
	// Interval is how often the queues are looked at, by whichever watcher has the turn, 1 s to 10 min. It
	// should be the same everywhere. Default: 10 s.
	Interval time.Duration
	// PublicURL is where people find the dashboard, such as https://ops.example/dueq. Default: unknown.
	PublicURL string
	// Logger receives incidents at warn, their ends at info, and what fails. Default: slog.Default().
	Logger *slog.Logger
}

// Sender tells people. It must be safe for concurrent use.
type Sender interface {
	// Name is 1 to 64 characters of [a-zA-Z0-9_.-].
	Name() string
	// Send sends one message, within 30 s. Its error is kept with the incident, where people see it: it must
	// hold no secrets.
	Send(ctx context.Context, m *Message) error
}

const (
	defaultInterval = 10 * time.Second
	minInterval     = time.Second
	maxInterval     = 10 * time.Minute
	// sendTime is how long a sender has. A process that stopped for longer than claimTime while it sent
	// must not go on as if it had the message for itself.
	sendTime = 30 * time.Second
	callTime = 10 * time.Second
)

func (c Config) withDefaults() Config {
	if c.Rules == nil {
		c.Rules = DefaultRules()
	}
	c.Interval = cmp.Or(c.Interval, defaultInterval)
	c.Logger = cmp.Or(c.Logger, slog.Default())
	return c
}

var senderName = regexp.MustCompile(`^[a-zA-Z0-9_.-]{1,64}$`)

// validate returns all that is wrong, joined, and gives the rules their defaults.
func (c *Config) validate() error {
	var errs []error
	wrong := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("%w: "+format, append([]any{queue.ErrInvalid}, args...)...))
	}
	rules, err := CheckRules(c.Rules)
	c.Rules = rules
	if c.Interval < minInterval || c.Interval > maxInterval {
		wrong("Interval %v: want %v to %v", c.Interval, minInterval, maxInterval)
	}
	seen := map[string]bool{}
	for _, sender := range c.Senders {
		name := sender.Name()
		if !senderName.MatchString(name) {
			wrong("sender %q: want a name of 1 to 64 characters of [a-zA-Z0-9_.-]", name)
		}
		if seen[name] {
			wrong("two senders have the name %q", name)
		}
		seen[name] = true
	}
	return errors.Join(append(errs, err)...)
}

// Watcher looks at the queues of a namespace and tells people.
type Watcher struct {
	cfg    Config
	client *queue.Client
	board  *Board
	observer
	// id names this process in the state.
	id      string
	started atomic.Bool

	// poked has an entry for each sender after a look.
	poked []chan struct{}

	mu sync.Mutex
	// known is the state as it was last read.
	known *State
	// began is when this watcher first read the state, by Redis's clock.
	began time.Time
	// reached is when Redis last took a change, and failure why it has not since.
	reached time.Time
	failure error
}

// New makes a Watcher. It returns ErrInvalid. Nothing is done before Run.
func New(client *queue.Client, cfg Config) (*Watcher, error) {
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("alarm: %w", err)
	}
	w := &Watcher{
		cfg: cfg, client: client, board: NewBoard(client), id: newID(),
		observer: observer{client: client, inspector: client.Inspector()},
		known:    &State{Rules: cfg.Rules},
	}
	for range cfg.Senders {
		w.poked = append(w.poked, make(chan struct{}, 1))
	}
	return w, nil
}

// Run watches until ctx ends, and returns nil then, after at most 30 s for a message that is being sent. A Redis
// that is away is waited for.
func (w *Watcher) Run(ctx context.Context) error {
	if !w.started.CompareAndSwap(false, true) {
		return fmt.Errorf("%w: a Watcher runs once", queue.ErrInvalid)
	}
	w.reached = time.Now()
	var group sync.WaitGroup
	for n, sender := range w.cfg.Senders {
		group.Go(func() { w.deliver(ctx, sender, w.poked[n]) })
	}
	group.Go(func() { w.watchRedis(ctx) })
	published := false
	for ctx.Err() == nil {
		if !published {
			_, err := w.publish(ctx)
			published = w.note(ctx, err) == nil
		}
		if published {
			_ = w.note(ctx, w.scan(ctx)) // said in the log
		}
		sleep(ctx, jitter(w.cfg.Interval))
	}
	group.Wait()
	return nil
}

// publish puts the rules of this watcher in force.
func (w *Watcher) publish(ctx context.Context) (*State, error) {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	s, err := w.board.change(ctx, func(s *State) error { s.publish(w.cfg.Rules); return nil })
	if err != nil {
		return nil, err
	}
	w.learn(s)
	return s, nil
}

// scan looks at the queues, where nobody else has just done so, and follows what it sees.
func (w *Watcher) scan(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	// Somewhat less than the shortest jittered interval, so that a lone watcher always has the turn.
	mine, err := w.client.Desk().Turn(ctx, sheetName, w.cfg.Interval*7/10)
	if err != nil || !mine {
		return err
	}
	s, err := w.board.State(ctx)
	if err == nil && !s.Published {
		// Redis has lost the state, and with it the rules.
		s, err = w.publish(ctx)
	}
	if err != nil {
		return err
	}
	l, err := w.look(ctx, s.Rules)
	if err != nil {
		return err
	}
	var before State
	after, err := w.board.change(ctx, func(s *State) error {
		before = State{Open: append([]Incident{}, s.Open...)}
		s.step(l)
		return nil
	})
	if err != nil {
		return err
	}
	w.learn(after)
	w.tell(ctx, &before, after)
	for _, poked := range w.poked {
		select {
		case poked <- struct{}{}:
		default:
		}
	}
	return nil
}

// tell logs what has begun and ended.
func (w *Watcher) tell(ctx context.Context, before, after *State) {
	for n := range after.Open {
		if i := &after.Open[n]; before.find(i.ID) == nil {
			w.cfg.Logger.WarnContext(ctx, "alarm: incident", w.attrs(i)...)
		}
	}
	for n := range before.Open {
		if i := after.find(before.Open[n].ID); i != nil && !i.Open() {
			w.cfg.Logger.InfoContext(ctx, "alarm: incident is over", w.attrs(i)...)
		}
	}
}

func (w *Watcher) attrs(i *Incident) []any {
	return []any{
		slog.String("rule", i.Rule.Name), slog.String("queue", i.Queue), slog.String("signal", string(i.Rule.Signal)),
		slog.String("value", i.Rule.Signal.Format(i.Value)), slog.String("limit", i.Rule.Signal.Format(i.Rule.Above)),
	}
}

// learn keeps the latest state.
func (w *Watcher) learn(s *State) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.known = s
	if w.began.IsZero() {
		w.began = s.Now
	}
}

// note keeps whether Redis could be reached, logs when that changes, and passes the error on.
func (w *Watcher) note(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return err // the end, not a failure
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	before := w.failure
	w.failure = err
	if err == nil {
		w.reached = time.Now()
	}
	switch {
	case err != nil && before == nil:
		w.cfg.Logger.WarnContext(ctx, "alarm: cannot watch", slog.Any("error", err))
	case err == nil && before != nil:
		w.cfg.Logger.InfoContext(ctx, "alarm: watching again")
	}
	return err
}

// sleep waits for d, and says false when ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// jitter spreads d by a fifth to both sides, so that processes that began together do not stay together.
func jitter(d time.Duration) time.Duration { return d - d/5 + rand.N(2*d/5+1) }
