package scheduler

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dueq-io/dueq/internal/outage"
	"github.com/dueq-io/dueq/queue"
)

// fakeBroker is a Redis in memory for tests in a synctest bubble, where it must not be reached over a
// network.
type fakeBroker struct {
	outage.Log
	mu    sync.Mutex
	names []string
	// due are the due times of the jobs of each queue, leased the ends of its leases.
	due, leased map[string][]time.Time
	calls       []call
	hints       chan string
	apart       bool

	// fail, where set, is the error of a call; purged, where set, is what a purge answers.
	fail   func(c call) error
	purged func(c call) queue.Purged
}

// call is one call of a verb on a queue.
type call struct {
	verb, queue string
	at          time.Time
	purge       queue.PurgeConfig
	limit       int
}

func newFake(names ...string) *fakeBroker {
	return &fakeBroker{names: names, due: map[string][]time.Time{}, leased: map[string][]time.Time{}, hints: make(chan string, 16)}
}

// add puts a job that is due after wait into a queue, without a hint.
func (f *fakeBroker) add(name string, wait time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.due[name] = append(f.due[name], time.Now().Add(wait))
	slices.SortFunc(f.due[name], time.Time.Compare)
}

func (f *fakeBroker) note(c call) error {
	c.at = time.Now()
	f.mu.Lock()
	f.calls = append(f.calls, c)
	fail := f.fail
	f.mu.Unlock()
	if fail != nil {
		return fail(c)
	}
	return nil
}

func (f *fakeBroker) Queues(context.Context) ([]string, error) {
	if err := f.note(call{verb: "queues"}); err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.names), nil
}

func (f *fakeBroker) Promote(_ context.Context, name string, limit int) (queue.Promotion, error) {
	if err := f.note(call{verb: "promote", queue: name, limit: limit}); err != nil {
		return queue.Promotion{}, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	p := queue.Promotion{Next: -1}
	for p.Moved < limit && len(f.due[name]) > 0 && !f.due[name][0].After(time.Now()) {
		f.due[name] = f.due[name][1:]
		p.Moved++
	}
	if len(f.due[name]) > 0 {
		p.Next = max(0, time.Until(f.due[name][0]))
	}
	return p, nil
}

func (f *fakeBroker) Reap(_ context.Context, name string, _ queue.ReapConfig) (queue.Reaping, error) {
	if err := f.note(call{verb: "reap", queue: name}); err != nil {
		return queue.Reaping{}, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	r := queue.Reaping{Next: -1}
	for len(f.leased[name]) > 0 && !f.leased[name][0].After(time.Now()) {
		f.leased[name] = f.leased[name][1:]
		r.Readied++
	}
	if len(f.leased[name]) > 0 {
		r.Next = time.Until(f.leased[name][0])
	}
	return r, nil
}

func (f *fakeBroker) Purge(_ context.Context, name string, cfg queue.PurgeConfig) (queue.Purged, error) {
	c := call{verb: "purge", queue: name, purge: cfg, limit: cfg.Limit}
	if err := f.note(c); err != nil {
		return queue.Purged{}, err
	}
	if f.purged != nil {
		return f.purged(c), nil
	}
	return queue.Purged{LockCursor: "0", MarkCursor: "0"}, nil
}

func (f *fakeBroker) WaitGroups(names []string) [][]string {
	if !f.apart {
		return [][]string{names}
	}
	var groups [][]string
	for _, name := range names {
		groups = append(groups, []string{name})
	}
	return groups
}

func (f *fakeBroker) WaitTick(_ context.Context, names []string, timeout time.Duration) (string, error) {
	if err := f.note(call{verb: "wait", queue: strings.Join(names, " ")}); err != nil {
		return "", err
	}
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	select {
	case name := <-f.hints:
		return name, nil
	case <-timer.C:
		return "", nil
	}
}

func (f *fakeBroker) WakeTick(_ context.Context, name string) error {
	if err := f.note(call{verb: "tick", queue: name}); err != nil {
		return err
	}
	select {
	case f.hints <- name:
	default:
	}
	return nil
}

func (f *fakeBroker) AnyLeased(_ context.Context, names []string) (bool, error) {
	if err := f.note(call{verb: "look", queue: strings.Join(names, " ")}); err != nil {
		return false, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.ContainsFunc(names, func(name string) bool { return len(f.leased[name]) > 0 }), nil
}

// lease makes a job leased for that time.
func (f *fakeBroker) lease(name string, d time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.leased[name] = append(f.leased[name], time.Now().Add(d))
}

// appear makes a queue known, without a hint.
func (f *fakeBroker) appear(name string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.names = append(f.names, name)
}

// fails sets what calls fail with.
func (f *fakeBroker) fails(fail func(c call) error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fail = fail
}

// made returns the calls of a verb on a queue, or of any on any where they are empty.
func (f *fakeBroker) made(verb, name string) []call {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []call
	for _, c := range f.calls {
		if (verb == "" || c.verb == verb) && (name == "" || c.queue == name) {
			out = append(out, c)
		}
	}
	return out
}

// begin makes a Scheduler of the broker, runs it, and returns a function that ends it.
func begin(t *testing.T, f *fakeBroker, cfg Config) (*Scheduler, func()) {
	t.Helper()
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	s, err := newScheduler(f, cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	return s, func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run returned %v", err)
		}
	}
}

// pass lets time pass in the bubble, and what is to happen by then happen.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// log counts its lines by message.
type log struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *log) logger() *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }

func (l *log) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(line)
}

func (l *log) count(msg string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.text.String(), "msg="+msg)
}
