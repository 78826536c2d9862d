// Command accept measures what the project promises, and fails when one promise is not kept.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/dueq-io/dueq/bench/scenario"
)

var (
	errUsage = errors.New("wrong usage")
	errShort = errors.New("at least one row falls short")
)

func main() {
	if scenario.RunChild() || runWorker() {
		return
	}
	var s suite
	only := flag.String("only", "", "comma list of rows (default all): "+strings.Join(keys(), ","))
	flag.IntVar(&s.rounds, "rounds", 5, "rounds of each measurement, of which the medians count")
	flag.BoolVar(&s.quick, "quick", false, "small numbers: shows that all works, proves nothing")
	flag.StringVar(&s.root, "root", "", "checkout of the main module (default: found upwards from here)")
	flag.Parse()
	if err := run(&s, *only); err != nil {
		fmt.Fprintln(os.Stderr, "accept:", strings.ReplaceAll(err.Error(), "\n", "\naccept: "))
		if errors.Is(err, errUsage) {
			os.Exit(2)
		}
		os.Exit(1)
	}
}

func run(s *suite, only string) error {
	chosen, err := choose(only)
	if err != nil || flag.NArg() > 0 || s.rounds < 1 {
		return errors.Join(errUsage, err)
	}
	if s.root == "" {
		if s.root, err = findRoot(); err != nil {
			return err
		}
	}
	if scenario.IsTerminal(os.Stderr) {
		s.progress = os.Stderr
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// The first Ctrl-C ends everything in order; a second one is not held back.
	context.AfterFunc(ctx, stop)
	return s.judge(ctx, chosen)
}

// judge prints each row as soon as it is known, for the whole takes many minutes.
func (s *suite) judge(ctx context.Context, chosen []row) error {
	const layout = "%-30s  %-56s  %-5s %s\n"
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
