// Command chaos breaks what a queue stands on while jobs go through it, and says what became of them.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/dueq-io/dueq/test/chaos/fault"
	"github.com/dueq-io/dueq/test/chaos/load"
)

func main() {
	load.Child()
	// What breaks here is meant to: the rows say what came of it. Workers and producers log to files.
	redis.SetLogger(silence{})
	slog.SetDefault(slog.New(slog.DiscardHandler))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "chaos:", err)
		if errors.Is(err, errUsage) {
			os.Exit(2)
		}
		os.Exit(1)
	}
}

type silence struct{}

func (silence) Printf(context.Context, string, ...any) {}

var (
	errUsage       = errors.New("run with --help to see the flags")
	errShort       = errors.New("a row fell short of its bar")
	errInterrupted = errors.New("interrupted: every process that was started has been ended")
)

type options struct {
	rows       string
	full, json bool
	list       bool
	parallel   int
	seed       uint64
}

// again is the command that repeats a row of this run.
func (o options) again(row string) string {
	size := ""
	if o.full {
		size = "--full "
	}
	return fmt.Sprintf("go -C test/chaos run . %s--rows %s --seed %d", size, row, o.seed)
}

func parse(args []string, out io.Writer) (options, error) {
	var o options
	flags := flag.NewFlagSet("chaos", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.StringVar(&o.rows, "rows", "", "run only these `rows`, separated by commas (default: all)")
	flags.BoolVar(&o.full, "full", false, "run the full sizes, which take up to an hour")
	flags.IntVar(&o.parallel, "parallel", 1, "run up to this `number` of rows at once, but for those that want the machine for themselves")
	flags.Uint64Var(&o.seed, "seed", 0, "repeat the faults of the run that printed this `number` (default: a new one)")
	flags.BoolVar(&o.json, "json", false, "print the run as JSON, and what rows say on standard error")
	flags.BoolVar(&o.list, "list", false, "list the rows and their bars")
	err := flags.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		flags.SetOutput(out)
		flags.PrintDefaults()
		return o, err
	case err != nil:
		return o, fmt.Errorf("%w: %w", err, errUsage)
	case flags.NArg() > 0:
		return o, fmt.Errorf("unexpected %q: %w", flags.Arg(0), errUsage)
	case o.parallel < 1:
		return o, fmt.Errorf("--parallel %d: want at least 1: %w", o.parallel, errUsage)
	case o.seed == 0:
		o.seed = rand.Uint64()
	}
	return o, nil
}

func run(ctx context.Context, args []string, out io.Writer) error {
	o, err := parse(args, out)
	if errors.Is(err, flag.ErrHelp) {
		return nil
	}
	if err != nil {
		return err
	}
	rows, err := choose(o.rows)
	if err != nil {
		return err
	}
	if o.list {
		return list(out, rows)
	}
	if err := checkMachine(o.full); err != nil {
		return err
	}
	progress := out
	if o.json {
		progress = os.Stderr
	}
	began, made := time.Now(), newRecord(ctx, o)
	_, _ = fmt.Fprintf(progress, "seed %d; a row alone: %s\n\n", o.seed, o.again("NAME"))
	b := newBoard(progress, o, len(rows))
	stop := b.watch()
	made.Rows, err = play(ctx, rows, o, b)
	stop()
	if err != nil {
		return errInterrupted
	}
	made.Took = time.Since(began)
	if err := made.print(out, o.json); err != nil {
		return err
	}
	return made.verdict(o)
}

// checkMachine looks for what every row needs, before anything is started.
func checkMachine(full bool) error {
	if _, err := exec.LookPath("redis-server"); err != nil {
		return errors.New("redis-server is not here: install it with: apt-get install redis-server")
	}
	if full {
		return checkSpace(fullSpace)
	}
	return checkSpace(smokeSpace)
}

func choose(names string) ([]fault.Row, error) {
	rows := fault.All()
	if names == "" {
		return rows, nil
	}
	var out []fault.Row
	for name := range strings.SplitSeq(names, ",") {
		i := slices.IndexFunc(rows, func(row fault.Row) bool { return row.Name == strings.TrimSpace(name) })
		if i < 0 {
			return nil, fmt.Errorf("there is no row %q: --list shows them", name)
		}
		out = append(out, rows[i])
	}
	return out, nil
}

func list(out io.Writer, rows []fault.Row) error {
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		_, _ = fmt.Fprintf(t, "%s\t%s\n", row.Name, row.Bar)
	}
	return t.Flush()
}
