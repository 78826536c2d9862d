// Package exampletest runs the examples in their tests as a user runs them: with flags, reading what
// they log.
package exampletest

import (
	"bytes"
	"context"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

// Patience is how long a test waits for what should come at once, on a machine that is busy with others.
const Patience = 30 * time.Second

// Program is an example that runs.
type Program struct {
	log  *Log
	stop context.CancelFunc
	done chan struct{}
	err  error
}

// Start runs an example until Stop, or until tb ends.
func Start(tb testing.TB, run func(ctx context.Context, args []string, stdout io.Writer) error, args ...string) *Program {
	tb.Helper()
	ctx, stop := context.WithCancel(tb.Context())
	p := &Program{log: NewLog(), stop: stop, done: make(chan struct{})}
	go func() {
		defer close(p.done)
		defer p.log.Close()
		p.err = run(ctx, args, p.log)
	}()
	tb.Cleanup(func() { p.Stop(tb) })
	return p
}

// Stop ends the program as a signal does; that it then returns an error fails tb.
func (p *Program) Stop(tb testing.TB) {
	tb.Helper()
	p.stop()
	select {
	case <-p.done:
	case <-time.After(Patience):
		tb.Fatal("the example does not stop; it logged:\n" + p.log.String())
	}
	if p.err != nil {
		tb.Errorf("the example returned %v; it logged:\n%s", p.err, p.log)
	}
}

// StopBesideSilence stops the program while there is a connection to it on which nothing was asked.
func (p *Program) StopBesideSilence(tb testing.TB) {
	tb.Helper()
	var dialer net.Dialer
	dial := func() net.Conn {
		c, err := dialer.DialContext(tb.Context(), "tcp", p.Address(tb))
		if err != nil {
			tb.Fatal(err)
		}
		return c
	}
	silent, next := dial(), dial()
	defer silent.Close()
	defer next.Close()
	// Once the next one is answered, whatever the answer is, the silent one was accepted.
	if _, err := io.WriteString(next, "GET / HTTP/1.0\r\n\r\n"); err != nil {
		tb.Fatal(err)
	}
	if _, err := io.ReadAll(next); err != nil {
		tb.Fatal(err)
	}
	p.Stop(tb)
}

// Address returns where the program listens, once it does.
func (p *Program) Address(tb testing.TB) string {
	tb.Helper()
	return p.log.Address(tb)
}

// Await waits for a line in the program's log that contains text, and returns it.
func (p *Program) Await(tb testing.TB, text string) string {
	tb.Helper()
	return p.log.Await(tb, text)
}

// Count returns how many lines of the program's log contain text.
func (p *Program) Count(text string) int { return len(p.log.find(text)) }

// Log is what a program printed. It can be waited for.
type Log struct {
	mu      sync.Mutex
	text    bytes.Buffer
	changed chan struct{} // closed by the next Write or Close
	closed  bool
}

// NewLog returns an empty Log.
func NewLog() *Log { return &Log{changed: make(chan struct{})} }

// Write appends to the log.
func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.notify()
	return l.text.Write(p)
}

// Close says that nothing more will come.
func (l *Log) Close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	l.notify()
}

func (l *Log) notify() {
	close(l.changed)
	l.changed = make(chan struct{})
}

// String returns all that was printed.
func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// Await waits for a line that contains text, and returns it.
func (l *Log) Await(tb testing.TB, text string) string {
	tb.Helper()
	deadline := time.After(Patience)
	for {
		l.mu.Lock()
		changed, closed := l.changed, l.closed
		l.mu.Unlock()
		if lines := l.find(text); len(lines) > 0 {
			return lines[0]
		}
		if closed {
			tb.Fatalf("the example ended without %q; it logged:\n%s", text, l)
		}
		select {
		case <-changed:
		case <-deadline:
			tb.Fatalf("no %q within %v; the example logged:\n%s", text, Patience, l)
		}
	}
}

// Address waits for the line that says where the program listens, and returns the address in it.
func (l *Log) Address(tb testing.TB) string {
	tb.Helper()
	line := l.Await(tb, "msg=listening ")
	_, address, _ := strings.Cut(line, "address=")
	address, _, _ = strings.Cut(address, " ")
	return address
}

// find returns the whole lines that contain text.
func (l *Log) find(text string) (found []string) {
	all := l.String()
	for line := range strings.Lines(all[:strings.LastIndexByte(all, '\n')+1]) {
		if strings.Contains(line, text) {
			found = append(found, strings.TrimSuffix(line, "\n"))
		}
	}
	return found
}
