package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"

	"github.com/dueq-io/dueq/test/chaos/fault"
)

// record is a run as JSON, and its table.
type record struct {
	Date    string         `json:"date"`
	Commit  string         `json:"commit"`
	Redis   string         `json:"redis"`
	Go      string         `json:"go"`
	Machine string         `json:"machine"`
	Full    bool           `json:"full"`
	Seed    uint64         `json:"seed"`
	Took    time.Duration  `json:"took_ns"`
	Rows    []fault.Result `json:"rows"`
}

// newRecord is of a run that begins, whose source may change before it ends.
func newRecord(ctx context.Context, o options) record {
	return record{
		Date: time.Now().UTC().Format(time.DateOnly), Commit: commit(ctx), Redis: redisVersion(ctx), Go: runtime.Version(),
		Machine: machine(), Full: o.full, Seed: o.seed,
	}
}

// print prints the record as Markdown, to be pasted into docs/reliability.md, or as JSON.
func (r *record) print(out io.Writer, asJSON bool) error {
	if asJSON {
		enc := json.NewEncoder(out)
		enc.SetIndent("", "  ")
		return enc.Encode(r)
	}
	size := "in small"
	if r.Full {
		size = "at full size"
	}
	_, err := fmt.Fprintf(out, "Measured %s at %s, %s, seed %d, in %v. %s, %s; %s.\n\n| row | bar | measured | |\n|---|---|---|---|\n",
		r.Date, r.Commit, size, r.Seed, r.Took.Round(time.Second), r.Redis, r.Go, r.Machine)
	for _, row := range r.Rows {
		verdict := "pass"
		if !row.Pass {
			verdict = "**FAIL**: " + row.Failure
		}
		if row.First != "" {
			verdict += "; run again alone after: " + row.First
		}
		_, err = fmt.Fprintf(out, "| %s | %s | %s | %s |\n", row.Row, cell(row.Bar), cell(row.Figure), cell(verdict))
	}
	return err
}

// cell is a text that stays in its cell of a table.
func cell(text string) string {
	return strings.ReplaceAll(strings.Join(strings.Fields(text), " "), "|", `\|`)
}

// verdict is an error where a row fell short of its bar, and names each with the command that repeats it.
func (r *record) verdict(o options) error {
	var again []string
	for _, row := range r.Rows {
		if !row.Pass {
			again = append(again, o.again(row.Row))
		}
	}
	if len(again) == 0 {
		return nil
	}
	return fmt.Errorf("%w; again: %s", errShort, strings.Join(again, "; "))
}

// commit is that of the source, which mutants need beside the program anyway.
func commit(ctx context.Context) string {
	head, err := exec.CommandContext(ctx, "git", "rev-parse", "--short", "HEAD").Output()
	if err != nil {
		return "an unknown commit"
	}
	changed := ""
	if status, err := exec.CommandContext(ctx, "git", "status", "--porcelain").Output(); err != nil || len(status) > 0 {
		changed = " with changes"
	}
	return strings.TrimSpace(string(head)) + changed
}

// redisVersion is of the program that rows start.
func redisVersion(ctx context.Context) string {
	out, err := exec.CommandContext(ctx, "redis-server", "--version").Output()
	if err != nil {
		return "Redis of an unknown version"
	}
	_, rest, _ := strings.Cut(string(out), "v=")
	number, _, _ := strings.Cut(rest, " ")
	return "Redis " + number
}

// machine is the processors, the memory and the system of this machine.
func machine() string {
	cpu := runtime.GOARCH
	if name := field("/proc/cpuinfo", "model name"); name != "" {
		cpu = name
	}
	system := runtime.GOOS
	if version, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		system += " " + strings.TrimSpace(string(version))
	}
	return fmt.Sprintf("%d x %s, %s of memory, %s", runtime.NumCPU(), cpu, memory(), system)
}

func memory() string {
	const kilobytes = 1 << 20 // in a GiB
	var size float64
	if _, err := fmt.Sscan(field("/proc/meminfo", "MemTotal"), &size); err != nil {
		return "an unknown amount"
	}
	return fmt.Sprintf("%.1f GiB", size/kilobytes)
}

// field is the first value of a name in a file of lines such as "name : value".
func field(path, name string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(text)) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
