// Command against measures what a change costs: dueq bench as it was at another commit, beside dueq bench as it
// is, in turns on one Redis.
//
//	go -C bench run ./against --base main
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/dueq-io/dueq/bench/redisproc"
)

type options struct {
	base                  string
	rounds, jobs, callers int
	most                  float64
}

func main() {
	var o options
	flag.StringVar(&o.base, "base", "", "the commit to compare with")
	flag.IntVar(&o.rounds, "rounds", 9, "how often each is measured, of which the medians count")
	flag.IntVar(&o.jobs, "jobs", 100_000, "jobs for each figure")
	flag.IntVar(&o.callers, "callers", 64, "callers, and handlers at once")
	flag.Float64Var(&o.most, "most", 5, "how many percent of jobs/s may be lost")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, o)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "against:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) (err error) {
	if o.base == "" || flag.NArg() > 0 || o.rounds < 1 {
		return errors.New("say --base COMMIT, and at least one of --rounds")
	}
	dir, err := os.MkdirTemp("", "dueq-against-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	before, now, err := build(ctx, dir, o.base)
	if err != nil {
		return err
	}
	server, err := redisproc.Start(ctx, redisproc.Memory)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Stop()) }()
	f := figures{}
	for round := range o.rounds {
		// In turn first, so that what the machine does beside falls on both.
		turns := []string{before, now}
		if round%2 == 1 {
			slices.Reverse(turns)
		}
		fmt.Fprintf(os.Stderr, "round %d of %d\n", round+1, o.rounds)
		for _, binary := range turns {
			if err := f.measure(ctx, o, server.Addr, binary, binary == now); err != nil {
				return err
			}
		}
	}
	return f.print(o)
}

// build makes dueq as it was at base and as it is in this checkout.
func build(ctx context.Context, dir, base string) (before, now string, err error) {
	text, err := exec.CommandContext(ctx, "git", "rev-parse", "--show-toplevel").Output()
	if err != nil {
		return "", "", fmt.Errorf("run it inside the checkout: %w", err)
	}
	root, tree := strings.TrimSpace(string(text)), filepath.Join(dir, "base")
	before, now = filepath.Join(dir, "dueq-base"), filepath.Join(dir, "dueq-now")
	for _, step := range [][]string{
		{"git", "-C", root, "worktree", "add", "--quiet", "--detach", tree, base},
		{"go", "build", "-C", tree, "-o", before, "./cmd/dueq"},
		{"go", "build", "-C", root, "-o", now, "./cmd/dueq"},
		{"git", "-C", root, "worktree", "remove", "--force", tree},
	} {
		if out, err := exec.CommandContext(ctx, step[0], step[1:]...).CombinedOutput(); err != nil {
			return "", "", fmt.Errorf("%s: %w: %s", strings.Join(step, " "), err, out)
		}
	}
	return before, now, nil
}

// figures are jobs/s by scenario, as it was and as it is.
type figures map[string]*[2][]float64

func (f figures) measure(ctx context.Context, o options, addr, binary string, isNow bool) error {
	bench := exec.CommandContext(ctx, binary, "bench", "--json", "--redis", "redis://"+addr, "--accept-data-loss",
		"--jobs", strconv.Itoa(o.jobs), "--concurrency", strconv.Itoa(o.callers))
	bench.Stderr = os.Stderr
	out, err := bench.Output()
	if err != nil {
		return fmt.Errorf("dueq bench: %w", err)
	}
	var results []struct {
		Scenario   string  `json:"scenario"`
		JobsPerSec float64 `json:"jobs_per_sec"`
	}
	if err := json.Unmarshal(out, &results); err != nil {
		return err
	}
	for _, r := range results {
		if f[r.Scenario] == nil {
			f[r.Scenario] = &[2][]float64{}
		}
		side := 0
		if isNow {
			side = 1
		}
		f[r.Scenario][side] = append(f[r.Scenario][side], r.JobsPerSec)
	}
	return nil
}

func (f figures) print(o options) error {
	var slower []string
	for _, scenario := range slices.Sorted(maps.Keys(f)) {
		sides := f[scenario]
		before, now := median(sides[0]), median(sides[1])
		change := 100 * (now/before - 1)
		fmt.Printf("%-12s %8.0f jobs/s at %s, %8.0f now: %+.1f %% (medians of %d, %d callers)\n",
			scenario, before, o.base, now, change, o.rounds, o.callers)
		if change < -o.most {
			slower = append(slower, scenario)
		}
	}
	if len(slower) > 0 {
		return fmt.Errorf("more than %.0f %% slower: %s", o.most, strings.Join(slower, ", "))
	}
	return nil
}

func median(all []float64) float64 {
	slices.Sort(all)
	return all[len(all)/2]
}
