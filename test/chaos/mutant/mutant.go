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
)

// Mutant is one change and the row that must go red with it.
type Mutant struct {
	Name, Row string
	File      string // of the main module
	Old, New  string
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
			Old: "err := protect(ctx, h, d)", New: "_ = w.broker.Ack(ctx, d)\n\terr := protect(ctx, h, d)",
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
			Old: "local judged = now < grace and spared or now", New: "local judged = now",
		},
	}
}

// Build builds the mutant into dir and returns the program. It runs in the module of the harness.
func (m Mutant) Build(ctx context.Context, dir string) (string, error) {
	root, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", "github.com/dueq-io/dueq").Output()
	if err != nil {
		return "", fmt.Errorf("mutants are built from the source: run in test/chaos: %w", err)
	}
	file := filepath.Join(strings.TrimSpace(string(root)), m.File)
	source, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	changed, err := m.apply(string(source))
	if err != nil {
		return "", err
	}
	replacement := filepath.Join(dir, m.Name+filepath.Ext(m.File))
	overlay, err := json.Marshal(map[string]map[string]string{"Replace": {file: replacement}})
	if err != nil {
		return "", err
	}
	list, binary := filepath.Join(dir, m.Name+".json"), filepath.Join(dir, m.Name)
	for name, text := range map[string]string{replacement: changed, list: string(overlay)} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			return "", err
		}
	}
	build := exec.CommandContext(ctx, "go", "build", "-overlay", list, "-o", binary, ".")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build mutant %s: %w: %s", m.Name, err, out)
	}
	return binary, nil
}

// apply makes the change. A text that is not there exactly once means that the code has moved on.
func (m Mutant) apply(source string) (string, error) {
	if n := strings.Count(source, m.Old); n != 1 {
		return "", fmt.Errorf("mutant %s: its text stands %d times in %s, not once: bring the mutant up to date", m.Name, n, m.File)
	}
	return strings.Replace(source, m.Old, m.New, 1), nil
}
