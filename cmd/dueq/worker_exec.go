package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/dueq-io/dueq/queue"
	"github.com/dueq-io/dueq/worker"
)

const (
	// exitDead is the exit code by which a command says that no retry can help.
	exitDead = 100
	// killAfter is the time between asking the processes of a job to stop and killing them. It is below
	// the time that a worker gives its handlers once their contexts have ended.
	killAfter = time.Second
	// pipesTime is how long output is waited for from processes that the command left behind.
	pipesTime = 2 * time.Second
	// tailBytes leaves room, in the 4 KiB that are kept of an error, for what comes before it.
	tailBytes = 3 << 10

	jobVariable = "DUEQ_JOB_"
)

// command runs a shell command for each job.
type command struct {
	line string
	out  io.Writer
}

func newCommand(line string, out io.Writer) *command {
	return &command{line: line, out: &sharedWriter{w: out}}
}

func (c *command) run(ctx context.Context, d *queue.Delivery) error {
	cmd := exec.CommandContext(ctx, "/bin/sh", "-c", c.line)
	var said tail
	cmd.Stdin = strings.NewReader(string(d.Payload))
	cmd.Stdout, cmd.Stderr = c.out, &said
	cmd.Env = append(ownEnvironment(), jobEnvironment(d)...)
	cmd.WaitDelay = pipesTime

	group := newGroup(cmd)
	var kill *time.Timer
	cmd.Cancel = func() error {
		kill = time.AfterFunc(killAfter, group.kill)
		return group.terminate()
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start the command: %w", err)
	}
	err := cmd.Wait()
	if kill != nil {
		kill.Stop()
		// What the command left behind goes with it.
		group.kill()
	}
	return c.verdict(ctx, cmd, err, said.String())
}

// verdict turns the end of a command into what a handler returns.
func (c *command) verdict(ctx context.Context, cmd *exec.Cmd, err error, said string) error {
	if cmd.ProcessState == nil {
		return err
	}
	if cmd.ProcessState.Success() && ctx.Err() == nil {
		// A process that it left behind may hold its output open, and our own output may be closed:
		// neither undoes the job.
		return nil
	}
	// Exit 0 after it was asked to stop is no proof that the job is done; err is nil where it was not asked.
	if err == nil {
		return nil
	}
	failure := errors.New(cmd.ProcessState.String())
	if cause := context.Cause(ctx); cause != nil {
		failure = fmt.Errorf("%w: %s", cause, failure.Error())
	}
	if said != "" {
		failure = fmt.Errorf("%w: %s", failure, said)
	}
	if cmd.ProcessState.ExitCode() == exitDead {
		return worker.Dead(failure)
	}
	return failure
}

// ownEnvironment is ours without the job of a worker that we may be running under.
func ownEnvironment() []string {
	return slices.DeleteFunc(os.Environ(), func(entry string) bool { return strings.HasPrefix(entry, jobVariable) })
}

func jobEnvironment(d *queue.Delivery) []string {
	env := map[string]string{
		"ID": d.ID, "QUEUE": d.Queue, "KIND": d.Kind,
		"ATTEMPT": strconv.Itoa(d.Attempt), "TOKEN": strconv.FormatInt(d.Token, 10),
		"DUE": stamp(d.Due), "HEADERS": headersJSON(d.Headers),
	}
	for _, name := range slices.Sorted(maps.Keys(d.Headers)) {
		// A variable cannot hold a NUL; DUEQ_JOB_HEADERS has it as JSON.
		if value := d.Headers[name]; !strings.Contains(value, "\x00") {
			env["HEADER_"+variableName(name)] = value
		}
	}
	out := make([]string, 0, len(env))
	for name, value := range env {
		out = append(out, jobVariable+name+"="+value)
	}
	return out
}

func headersJSON(headers map[string]string) string {
	if len(headers) == 0 {
		return "{}"
	}
	text, err := json.Marshal(headers)
	if err != nil {
		return "{}"
	}
	return string(text)
}

// variableName makes X_TENANT of x-tenant.
func variableName(header string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z':
			return r - 'a' + 'A'
		case r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
			return r
		default:
			return '_'
		}
	}, header)
}

// sharedWriter lets the commands of several jobs write to one place.
type sharedWriter struct {
	mu sync.Mutex
	w  io.Writer
}

func (s *sharedWriter) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.w.Write(b)
}

// tail keeps the end of what is written to it.
type tail struct {
	mu   sync.Mutex
	kept []byte
	cut  bool
}

func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.kept = append(t.kept, b...)
	if over := len(t.kept) - tailBytes; over > 0 {
		t.kept = append(t.kept[:0], t.kept[over:]...)
		t.cut = true
	}
	return len(b), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	text := strings.TrimSpace(strings.ToValidUTF8(string(t.kept), "\uFFFD"))
	if t.cut {
		return "…" + text
	}
	return text
}
