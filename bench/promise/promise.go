// Package promise is a table of what is promised: each row has a bar, and a check that measures the figure that is
// held to it.
package promise

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
)

// Row is one promise and how it is checked, on a suite that the rows share.
type Row[S any] struct {
	key, name, bar string
	check          func(ctx context.Context, s *S) (Verdict, error)
}

// Of makes a row.
func Of[S any](key, name, bar string, check func(context.Context, *S) (Verdict, error)) Row[S] {
	return Row[S]{key, name, bar, check}
}

// Verdict is what was measured, and whether it keeps the promise.
type Verdict struct {
	Figure string
	Pass   bool
}

// Table is the rows of a command.
type Table[S any] struct {
	Command string
	Rows    []Row[S]
	// Valid says whether the flags make sense; Close, where set, ends what rows have left running.
	Valid func(s *S) bool
	Close func(s *S) error
}

var (
	errUsage = errors.New("wrong usage")
	errShort = errors.New("at least one row falls short")
)

// Main parses the command line, after the flags of the suite were defined, measures the rows that were asked for and
// prints them. It exits 1 where one falls short, and 2 for a command line that cannot be understood. root becomes the
// checkout of the main module.
func (t *Table[S]) Main(s *S, root *string) {
	only := flag.String("only", "", "comma list of rows (default all): "+strings.Join(t.keys(), ","))
	flag.StringVar(root, "root", "", "checkout of the main module (default: found upwards from here)")
	flag.Parse()
	err := t.run(s, root, *only)
	if err == nil {
		return
	}
	fmt.Fprintln(os.Stderr, t.Command+":", strings.ReplaceAll(err.Error(), "\n", "\n"+t.Command+": "))
	if errors.Is(err, errUsage) {
		os.Exit(2)
	}
	os.Exit(1)
}

func (t *Table[S]) run(s *S, root *string, only string) error {
	chosen, err := t.choose(only)
	if err != nil || flag.NArg() > 0 || !t.Valid(s) {
		return errors.Join(errUsage, err)
	}
	if *root == "" {
		if *root, err = findRoot(); err != nil {
			return err
		}
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// The first Ctrl-C ends everything in order; a second one is not held back.
	context.AfterFunc(ctx, stop)
	err = judge(ctx, s, chosen)
	if t.Close != nil {
		err = errors.Join(err, t.Close(s))
	}
	return err
}

// judge prints each row as soon as it is known, for the whole takes many minutes.
func judge[S any](ctx context.Context, s *S, chosen []Row[S]) error {
	const layout = "%-30s  %-56s  %-5s %s\n"
	fmt.Printf(layout, "ROW", "BAR", "", "FIGURE")
	short := false
	for _, r := range chosen {
		v, err := r.check(ctx, s)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			v = Verdict{Figure: strings.ReplaceAll(err.Error(), "\n", "; ")}
		}
		word := "pass"
		if !v.Pass {
			word, short = "FAIL", true
		}
		fmt.Printf(layout, r.name, r.bar, word, v.Figure)
	}
	if short {
		return errShort
	}
	return nil
}

func (t *Table[S]) choose(only string) ([]Row[S], error) {
	names := strings.FieldsFunc(only, func(r rune) bool { return r == ',' || r == ' ' })
	for _, name := range names {
		if !slices.Contains(t.keys(), name) {
			return nil, fmt.Errorf("no row %q; there are %s", name, strings.Join(t.keys(), ", "))
		}
	}
	return slices.DeleteFunc(slices.Clone(t.Rows), func(r Row[S]) bool {
		return len(names) > 0 && !slices.Contains(names, r.key)
	}), nil
}

func (t *Table[S]) keys() []string {
	var all []string
	for _, r := range t.Rows {
		all = append(all, r.key)
	}
	return all
}

// findRoot looks upwards for the main module, so that a command works from anywhere in the checkout.
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
