package operators

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dueq-io/dueq/internal/redistest"
	"github.com/dueq-io/dueq/queue"
)

// dueq is the command, built for these tests.
var dueq string

func TestMain(m *testing.M) {
	folder, err := os.MkdirTemp("", "dueq-operators")
	if err == nil {
		dueq = filepath.Join(folder, "dueq")
		build := exec.CommandContext(context.Background(), "go", "build", "-C", "../..", "-o", dueq, "./cmd/dueq")
		var out []byte
		if out, err = build.CombinedOutput(); err != nil {
			err = fmt.Errorf("%w: %s", err, out)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "build dueq:", err)
		os.Exit(1)
	}
	code := redistest.Runner{M: m}.Run()
	if err := os.RemoveAll(folder); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(code)
}

const patience = time.Minute

// process is a running dueq.
type process struct {
	*exec.Cmd
	t    *testing.T
	ends chan struct{}
	mu   sync.Mutex
	log  bytes.Buffer
}

func (p *process) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.log.Write(b)
}

func (p *process) said() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.log.String()
}

// start runs dueq with variables of the environment.
func start(t *testing.T, env []string, args ...string) *process {
	t.Helper()
	p := &process{Cmd: exec.CommandContext(t.Context(), dueq, args...), t: t, ends: make(chan struct{})}
	p.Env = append(os.Environ(), env...)
	p.Dir = t.TempDir()
	p.Stdout, p.Stderr = p, p
	if err := p.Cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { _ = p.Wait(); close(p.ends) }()
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			t.Logf("%s said:\n%s", args[0], p.said())
		}
	})
	return p
}

func (p *process) kill() {
	_ = p.Process.Kill() // it may have ended
	<-p.ends
}

// address waits for the line of the log with the address that it serves.
func (p *process) address() string {
	p.t.Helper()
	redistest.Eventually(p.t, patience, func() bool {
		select {
		case <-p.ends:
			p.t.Fatal("it has ended")
		default:
		}
		return strings.Contains(p.said(), "address=")
	}, "no address in the log")
	_, rest, _ := strings.Cut(p.said(), "address=")
	address, _, _ := strings.Cut(rest, "\n")
	return strings.Trim(address, `"/`)
}

// open connects to a namespace.
func open(t *testing.T, url, namespace string) *queue.Client {
	t.Helper()
	c, err := queue.Config{Namespace: namespace, Logger: slog.New(slog.DiscardHandler)}.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// enqueue hands in jobs that are ready.
func enqueue(t *testing.T, c *queue.Client, name string, n int) {
	t.Helper()
	many := make([]queue.Job, n)
	for i := range many {
		many[i] = queue.Job{Queue: name, Kind: "k"}
	}
	if _, err := c.EnqueueMany(t.Context(), many); err != nil {
		t.Fatal(err)
	}
}

// drain runs all ready jobs.
func drain(t *testing.T, c *queue.Client, name string) {
	t.Helper()
	for {
		deliveries, _, err := c.Broker().Lease(context.WithoutCancel(t.Context()), name, 500, queue.DefaultLease)
		if err != nil {
			t.Fatal(err)
		}
		if len(deliveries) == 0 {
			return
		}
		for _, d := range deliveries {
			if err := c.Broker().Ack(t.Context(), d); err != nil {
				t.Fatal(err)
			}
		}
	}
}
