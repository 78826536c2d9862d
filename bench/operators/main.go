// Command operators measures what is promised to operators, and fails when one promise is not kept.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/redis/go-redis/v9"
)

var (
	errUsage = errors.New("wrong usage")
	errShort = errors.New("at least one row falls short")
)

// suite is one run of the table.
type suite struct {
	// jobs is how many jobs the rows of scale are measured with, in queues.
	jobs, queues int
	// rounds is how often throughput is measured with and without tabs.
	rounds int
	root   string
	at     *scale
}

const (
	fullJobs  = 10_000_000
	smallJobs = 200_000
)

// silence is for go-redis, which says on standard error what rows take away from it.
type silence struct{}

func (silence) Printf(context.Context, string, ...any) {}

func main() {
	redis.SetLogger(silence{})
	if runChild() {
		return
	}
	var s suite
	only := flag.String("only", "", "comma list of rows (default all): "+strings.Join(keys(), ","))
	full := flag.Bool("full", false, "measure the rows of scale with 10,000,000 jobs")
	flag.IntVar(&s.jobs, "jobs", smallJobs, "jobs for the rows of scale")
	flag.IntVar(&s.queues, "queues", 100, "queues for the rows of scale")
	flag.IntVar(&s.rounds, "rounds", 5, "rounds of throughput with and without tabs, of which the medians count")
	flag.StringVar(&s.root, "root", "", "checkout of the main module (default: found upwards from here)")
	flag.Parse()
	if *full {
		s.jobs = fullJobs
	}
	if err := run(&s, *only); err != nil {
		fmt.Fprintln(os.Stderr, "operators:", strings.ReplaceAll(err.Error(), "\n", "\noperators: "))
		if errors.Is(err, errUsage) {
			os.Exit(2)
		}
		os.Exit(1)
	}
}

func run(s *suite, only string) error {
	chosen, err := choose(only)
	if err != nil || flag.NArg() > 0 || s.jobs < s.queues || s.queues < 1 || s.rounds < 1 {
		return errors.Join(errUsage, err)
	}
	if s.root == "" {
		if s.root, err = findRoot(); err != nil {
			return err
		}
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// The first Ctrl-C ends everything in order; a second one is not held back.
	context.AfterFunc(ctx, stop)
	return errors.Join(s.judge(ctx, chosen), s.at.close())
}

// judge prints each row as soon as it is known.
func (s *suite) judge(ctx context.Context, chosen []row) error {
	const layout = "%-30s  %-44s  %-5s %s\n"
	fmt.Printf(layout, "ROW", "BAR", "", "FIGURE")
	short := false
	for _, r := range chosen {
		v, err := r.check(ctx, s)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			v = verdict{figure: strings.ReplaceAll(err.Error(), "\n", "; ")}
		}
		word := "pass"
		if !v.pass {
			word, short = "FAIL", true
		}
		fmt.Printf(layout, r.name, r.bar, word, v.figure)
	}
	if short {
		return errShort
	}
	return nil
}

// row is one promise and how it is checked.
type row struct {
	key, name, bar string
	check          func(ctx context.Context, s *suite) (verdict, error)
}

type verdict struct {
	figure string
	pass   bool
}

func rows() []row {
	return []row{
		{"paint", "Overview of dueq demo", "complete, first paint < 300 ms", paint},
		{"size", "JavaScript and CSS of it", "< 40 KB gzipped", size},
		{"mover", "a killed mover", "overdue named within 5 s", incident(killedMover)},
		{"worker", "a killed worker", "no worker named within 10 s", incident(killedWorker)},
		{"slow", "a slow worker", "named within 10 s", incident(slowWorker)},
		{"stalled", "a stalled queue", "named within 10 s", incident(stalledQueue)},
		{"full", "a full Redis", "named within 10 s", incident(fullRedis)},
		{"away", "Redis away", "named within 10 s, with the age of the data", incident(redisAway)},
		{"horizon", "horizon", "bars + overdue + later = ZCARD", horizon},
		{"metrics", "metrics", "deltas equal the jobs run, exactly", metrics},
		{
			"alarm", "alarm, three processes watch", "one mail for an incident, one for its end",
			proof("test/operators", "TestOneMailForAnIncidentAndOneForItsEnd"),
		},
		{
			"balancer", "two dashboards, one killed", "the signed-in user goes on",
			proof("cmd/dueq", "TestKilledDashboardSignsNobodyOut"),
		},
		{"axe", "axe-core on each page", "no violation", proof("test/browser", "TestAccessible")},
		{
			"promtool", "promtool and a real Prometheus", "nothing found",
			proof("test/operators", "TestPromtoolFindsNothing", "TestPromtoolChecksTheMetrics", "TestPrometheusScrapesALiveSystem"),
		},
		{"pages", "each page, with 20 tabs open", "< 200 ms", pages},
		{"redis", "Redis's time for 20 tabs", "< 2 % of a core", redisTime},
		{"engine", "throughput with 20 tabs", "within 3 % of that without", engine},
	}
}

func choose(only string) ([]row, error) {
	names := strings.FieldsFunc(only, func(r rune) bool { return r == ',' || r == ' ' })
	for _, name := range names {
		if !slices.Contains(keys(), name) {
			return nil, fmt.Errorf("no row %q; there are %s", name, strings.Join(keys(), ", "))
		}
	}
	return slices.DeleteFunc(rows(), func(r row) bool {
		return len(names) > 0 && !slices.Contains(names, r.key)
	}), nil
}

func keys() []string {
	var all []string
	for _, r := range rows() {
		all = append(all, r.key)
	}
	return all
}

// findRoot looks upwards for the main module, so that the command works from anywhere in the checkout.
func findRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		text, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err == nil && strings.HasPrefix(string(text), "module github.com/dueq-io/dueq\n") {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", errors.New("run it inside the checkout, or say --root")
		}
		dir = filepath.Dir(dir)
	}
}
