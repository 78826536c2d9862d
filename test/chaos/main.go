// Command chaos breaks what a queue stands on while jobs go through it, and says what became of them.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"text/tabwriter"

	"github.com/dueq-io/dueq/test/chaos/fault"
	"github.com/dueq-io/dueq/test/chaos/load"
)

func main() {
	load.Child()
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

var (
	errUsage = errors.New("run with --help to see the flags")
	errShort = errors.New("a row fell short of its bar: its seed runs it again")
)

type options struct {
	rows       string
	full, json bool
	list       bool
	seed       uint64
}

func parse(args []string, out io.Writer) (options, error) {
	var o options
	flags := flag.NewFlagSet("chaos", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.StringVar(&o.rows, "rows", "", "run only these `rows`, separated by commas (default: all)")
	flags.BoolVar(&o.full, "full", false, "run the full sizes, which take up to an hour")
	flags.Uint64Var(&o.seed, "seed", 0, "repeat the faults of the run that printed this `number` (default: a new one)")
	flags.BoolVar(&o.json, "json", false, "print the final table as JSON, and all else on standard error")
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
	if err := checkSpace(o.full); err != nil {
		return err
	}
	progress := out
	if o.json {
		progress = os.Stderr
	}
	var results []fault.Result
	for _, row := range rows {
		_, _ = fmt.Fprintf(progress, "%s, seed %d\n", row.Name, o.seed)
		result := row.Do(ctx, &fault.Run{Full: o.full, Out: progress}, o.seed)
		if ctx.Err() != nil {
			return errors.New("interrupted: every process that was started has been ended")
		}
		results = append(results, result)
	}
	return report(out, results, o.json)
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

func report(out io.Writer, results []fault.Result, asJSON bool) error {
	if asJSON {
		enc := json.NewEncoder(out)
		enc.SetIndent("", "  ")
		if err := enc.Encode(results); err != nil {
			return err
		}
	} else {
		_, _ = fmt.Fprintln(out)
		for _, r := range results {
			verdict := "pass"
			if !r.Pass {
				verdict = "FAIL: " + r.Failure
			}
			_, _ = fmt.Fprintf(out, "%s | %s | %s | %s\n", r.Row, r.Bar, r.Figure, verdict)
		}
	}
	if slices.ContainsFunc(results, func(r fault.Result) bool { return !r.Pass }) {
		return errShort
	}
	return nil
}
