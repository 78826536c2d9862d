package worker

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dueq-io/dueq/internal/outage"
	"github.com/dueq-io/dueq/queue"
)

// fakeBroker is a Redis in memory for tests in a synctest bubble, where it must not be reached over a
// network: calls take the time they are told to, and fail as they are told to.
type fakeBroker struct {
	outage.Log
	mu    sync.Mutex
	ready map[string][]*queue.Delivery
	token int64
	calls []call
	hints chan string

	// takes is how long each call takes; fail, where set, is the error of a call.
	takes time.Duration
	fail  func(c call) error
	// verdict, where set, is what Extend says of one delivery.
	verdict func(d *queue.Delivery) error
}

// call is one call of a verb, with the ID of its job or the name of its queue.
type call struct {
	verb, id string
	at       time.Time
	// delay is that of retry and snooze, n the number of jobs of lease and extend.
	delay time.Duration
	n     int
}

func newFake(queues ...string) *fakeBroker {
	f := &fakeBroker{ready: map[string][]*queue.Delivery{}, hints: make(chan string, 16)}
	for _, name := range queues {
		f.add(name, 1)
	}
	return f
}

// add makes n jobs of kind "k" ready, without a hint.
func (f *fakeBroker) add(name string, n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for range n {
		f.token++
		d := &queue.Delivery{Job: queue.Job{ID: fmt.Sprintf("%s-%d", name, f.token), Queue: name, Kind: "k"}, Token: f.token, Attempt: 1, Created: time.Now()}
		f.ready[name] = append(f.ready[name], d)
	}
}

func (f *fakeBroker) note(c call) error {
	c.at = time.Now()
	f.mu.Lock()
	f.calls = append(f.calls, c)
	takes, fail := f.takes, f.fail
	f.mu.Unlock()
	if takes > 0 {
		<-time.After(takes)
	}
	if fail != nil {
		return fail(c)
	}
	return nil
}

func (f *fakeBroker) Lease(_ context.Context, name string, n int, _ time.Duration) ([]*queue.Delivery, bool, error) {
	if err := f.note(call{verb: "lease", id: name, n: n}); err != nil {
		return nil, false, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	n = min(n, len(f.ready[name]))
	for i, d := range f.ready[name][:n] {
		if d.Suspect() { // comes alone
			n = max(i, 1)
			break
		}
	}
	out := f.ready[name][:n:n]
	f.ready[name] = f.ready[name][n:]
	return out, len(f.ready[name]) > 0, nil
}

func (f *fakeBroker) Extend(_ context.Context, all []*queue.Delivery, _ time.Duration) ([]error, error) {
	if err := f.note(call{verb: "extend", n: len(all)}); err != nil {
		return make([]error, len(all)), err
	}
	verdicts := make([]error, len(all))
	for i, d := range all {
		if f.verdict != nil {
			verdicts[i] = f.verdict(d)
		}
	}
	return verdicts, nil
}

func (f *fakeBroker) Begin(_ context.Context, d *queue.Delivery, _ time.Duration) error {
	return f.note(call{verb: "begin", id: d.ID})
}

func (f *fakeBroker) Ack(_ context.Context, d *queue.Delivery) error {
	return f.note(call{verb: "ack", id: d.ID})
}

func (f *fakeBroker) AckThen(d *queue.Delivery, then func(error)) {
	go func() { then(f.Ack(context.Background(), d)) }()
}

func (f *fakeBroker) Retry(_ context.Context, d *queue.Delivery, delay time.Duration, _ error) error {
	return f.note(call{verb: "retry", id: d.ID, delay: delay})
}

func (f *fakeBroker) Snooze(_ context.Context, d *queue.Delivery, delay time.Duration) error {
	return f.note(call{verb: "snooze", id: d.ID, delay: delay})
}

func (f *fakeBroker) Release(_ context.Context, d *queue.Delivery) error {
	return f.note(call{verb: "release", id: d.ID})
}

func (f *fakeBroker) Bury(_ context.Context, d *queue.Delivery, _ queue.Reason, _ error) error {
	return f.note(call{verb: "bury", id: d.ID})
}

func (f *fakeBroker) Drop(_ context.Context, d *queue.Delivery) error {
	return f.note(call{verb: "drop", id: d.ID})
}

func (f *fakeBroker) WaitGroups(queues []string) [][]string { return [][]string{queues} }

func (f *fakeBroker) WaitReady(_ context.Context, _ []string, timeout time.Duration) (string, error) {
	if err := f.note(call{verb: "wait"}); err != nil {
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

func (f *fakeBroker) WakeReady(_ context.Context, name string) error {
	if err := f.note(call{verb: "wake", id: name}); err != nil {
		return err
	}
	select {
	case f.hints <- name:
	default:
	}
	return nil
}

func (f *fakeBroker) AnyReady(_ context.Context, queues []string) (bool, error) {
	if err := f.note(call{verb: "look"}); err != nil {
		return false, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.ContainsFunc(queues, func(name string) bool { return len(f.ready[name]) > 0 }), nil
}

// made returns the calls of a verb, or of any of several: "ack|retry".
func (f *fakeBroker) made(verbs string) []call {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []call
	for _, c := range f.calls {
		if slices.Contains(strings.Split(verbs, "|"), c.verb) {
			out = append(out, c)
		}
	}
	return out
}

func (f *fakeBroker) count(verbs string) int { return len(f.made(verbs)) }

// begin makes a Worker of the broker, runs it, and returns a function that ends it and returns what Run
// returned.
func begin(t *testing.T, f *fakeBroker, cfg Config, h HandlerFunc) (*Worker, func() error) {
	t.Helper()
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	w, err := newWorker(f, cfg)
	if err != nil {
		t.Fatal(err)
	}
	w.Handle("k", h)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx) }()
	return w, func() error { cancel(); return <-done }
}

// pass lets time pass in the bubble.
func pass(d time.Duration) { <-time.After(d) }

// lines is a log that counts its lines by message.
type lines struct {
	mu     sync.Mutex
	counts map[string]int
	text   strings.Builder
}

func (l *lines) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

func (l *lines) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.counts == nil {
		l.counts = map[string]int{}
	}
	_, rest, _ := strings.Cut(string(line), "msg=")
	if quoted, ok := strings.CutPrefix(rest, `"`); ok {
		rest, _, _ = strings.Cut(quoted, `"`)
	} else {
		rest, _, _ = strings.Cut(strings.TrimSpace(rest), " ")
	}
	l.counts[rest]++
	return l.text.Write(line)
}

func (l *lines) count(msg string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.counts[msg]
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
