// Package mutant builds the chaos program with one promise of dueq taken out, to show that the harness
// would notice. A mutant is a replacement of text that "go build -overlay" applies: nothing of it is in
// the code that users get.
package mutant

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
)

// Mutant is one change and the row that must go red with it.
type Mutant struct {
	Name, Row string
	File      string // of the main module
	Old, New  string
	// Clock has ClockEnv set the program's clock of the day. It takes a minute to build where nobody has before.
	Clock bool
}

// All are the mutants.
func All() []Mutant {
	return []Mutant{
		{
			Name: "no-token-check", Row: "worker-sigstop", File: "queue/lua/with/owned.lua",
			Old: "if held[i] == token[i] and not seen[job] then", New: "if not seen[job] then",
		},
		{
			Name: "ack-before-run", Row: "worker-sigkill", File: "worker/execute.go",
			Old: "= protect(ctx, h, d)", New: "= func() error { _ = w.broker.Ack(ctx, d); return protect(ctx, h, d) }()",
		},
		{
			Name: "lease-not-written", Row: "worker-sigkill", File: "queue/lua/lease.lua",
			Old: "redis.call('ZADD', leased, unpack(deadlines))", New: "",
		},
		{
			Name: "no-wait", Row: "replica-promoted", File: "queue/run.go",
			Old: "return answer, d.verdict(confirmed)", New: "_ = confirmed\n\treturn answer, nil",
		},
		{
			Name: "no-reap-grace", Row: "redis-absent", File: "queue/lua/reap.lua",
			Old: "local judged = now < grace and math.min(spared, now) or now", New: "local judged = now",
		},
		{
			Name: "grace-outlives-the-clock", Row: "clock-jump", File: "queue/lua/reap.lua",
			Old: "grace = math.min(grace, now + grace_ms)", New: "",
		},
		{
			Name: "expiry-by-worker-clock", Row: "clock-skew", File: "queue/delivery.go",
			Old: "d.LeasedAt.After(d.Expires)", New: "time.Now().After(d.Expires)", Clock: true,
		},
	}
}

// Sound is the product as it is, but that its clock can be set.
var Sound = Mutant{Name: "sound", Clock: true}

// oneClock has programs with a clock built one after another: the first compiles all of Go's library, which
// go keeps for the next.
var oneClock sync.Mutex

// Build builds the mutant into dir and returns the program. It runs in the module of the harness.
func (m Mutant) Build(ctx context.Context, dir string) (string, error) {
	files := map[string]string{}
	if m.Clock {
		oneClock.Lock()
		defer oneClock.Unlock()
		if err := clockFiles(ctx, files); err != nil {
			return "", err
		}
	}
	if m.File != "" {
		if err := m.replace(ctx, files); err != nil {
			return "", err
		}
	}
	overlay := map[string]map[string]string{"Replace": {}}
	for file, text := range files {
		replacement := filepath.Join(dir, m.Name+"-"+filepath.Base(file))
		overlay["Replace"][file] = replacement
		if err := os.WriteFile(replacement, []byte(text), 0o600); err != nil {
			return "", err
		}
	}
	text, err := json.Marshal(overlay)
	if err != nil {
		return "", err
	}
	list, binary := filepath.Join(dir, m.Name+".json"), filepath.Join(dir, m.Name)
	if err := os.WriteFile(list, text, 0o600); err != nil {
		return "", err
	}
	build := exec.CommandContext(ctx, "go", "build", "-overlay", list, "-o", binary, ".")
	// An end before its time reaches the compilers too, and what they leave is where dir's owner removes it.
	build.Env = append(os.Environ(), "GOTMPDIR="+dir)
	build.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	build.Cancel = func() error { return syscall.Kill(-build.Process.Pid, syscall.SIGKILL) }
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build mutant %s: %w: %s", m.Name, err, out)
	}
	return binary, nil
}

// replace adds the mutant's file to those that stand in for others.
func (m Mutant) replace(ctx context.Context, files map[string]string) error {
	root, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", "github.com/dueq-io/dueq").Output()
	if err != nil {
		return fmt.Errorf("mutants are built from the source: run in test/chaos: %w", err)
	}
	file := filepath.Join(strings.TrimSpace(string(root)), m.File)
	source, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	files[file], err = m.apply(string(source))
	return err
}

// apply makes the change. A text that is not there exactly once means that the code has moved on.
func (m Mutant) apply(source string) (string, error) {
	if n := strings.Count(source, m.Old); n != 1 {
		return "", fmt.Errorf("mutant %s: its text stands %d times in %s, not once: bring the mutant up to date", m.Name, n, m.File)
	}
	return strings.Replace(source, m.Old, m.New, 1), nil
}
