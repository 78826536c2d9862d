package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// budget runs the test that keeps files and functions small.
func budget(ctx context.Context, s *suite) (verdict, error) {
	if _, err := output(ctx, s.root, "go", "test", "-count=1", "./internal/budget"); err != nil {
		return verdict{}, err
	}
	return verdict{Figure: "passes", Pass: true}, nil
}

// demo runs the demonstration that a newcomer runs first.
func demo(ctx context.Context, s *suite) (verdict, error) {
	out, err := output(ctx, s.root, "go", "run", "./cmd/dueq", "demo", "--for", "10s", "--json")
	if err != nil {
		return verdict{}, err
	}
	summary, err := lastObject(out)
	if err != nil {
		return verdict{}, err
	}
	count := map[string]float64{}
	for _, name := range []string{"done", "retried", "dead", "early"} {
		n, ok := summary[name].(float64)
		if !ok {
			return verdict{}, fmt.Errorf("the summary has no number %q", name)
		}
		count[name] = n
	}
	text := fmt.Sprintf("done %.0f, retried %.0f, dead %.0f, early %.0f",
		count["done"], count["retried"], count["dead"], count["early"])
	pass := count["done"] > 0 && count["retried"] > 0 && count["dead"] > 0 && count["early"] == 0
	return verdict{Figure: text, Pass: pass}, nil
}

// lastObject finds the summary, which may come after objects that report progress.
func lastObject(out []byte) (map[string]any, error) {
	var last map[string]any
	decoder := json.NewDecoder(bytes.NewReader(out))
	for {
		var next map[string]any
		err := decoder.Decode(&next)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("the output is not JSON: %w", err)
		}
		last = next
	}
	if last == nil {
		return nil, errors.New("the output is empty")
	}
	return last, nil
}

// makeTest does what somebody does who has just cloned the repository: only what is committed counts.
func makeTest(ctx context.Context, s *suite) (v verdict, err error) {
	const limit = 10 * time.Minute
	dir, err := os.MkdirTemp("", "dueq-accept-")
	if err != nil {
		return verdict{}, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	clone := filepath.Join(dir, "dueq")
	if _, err := output(ctx, dir, "git", "clone", "--quiet", s.root, clone); err != nil {
		return verdict{}, err
	}
	commit, err := output(ctx, clone, "git", "rev-parse", "--short", "HEAD")
	if err != nil {
		return verdict{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	start := time.Now()
	if _, err := output(ctx, clone, "make", "test"); err != nil {
		return verdict{}, err
	}
	took := time.Since(start).Round(time.Second)
	return verdict{Figure: fmt.Sprintf("passes in %s at %s", took, strings.TrimSpace(string(commit))), Pass: took < limit}, nil
}

// output runs a command and returns what it printed; an error carries the end of what it said.
func output(ctx context.Context, dir, name string, args ...string) ([]byte, error) {
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &stdout, &stderr
	// make and go start processes of their own, which must end with them: they are one group.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	if err := cmd.Run(); err != nil {
		said := append(stdout.Bytes(), stderr.Bytes()...)
		return nil, fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, ending(said))
	}
	return stdout.Bytes(), nil
}

// ending keeps the last lines, where commands say what went wrong.
func ending(text []byte) string {
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return strings.Join(lines[max(0, len(lines)-3):], "\n")
}
