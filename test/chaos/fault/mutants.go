package fault

import (
	"context"
	"errors"
	"io"
	"os"
	"slices"

	"github.com/dueq-io/dueq/test/chaos/mutant"
)

// mutants runs small rows with a promise taken out, each of which must fall short.
var mutants = Row{
	Name: "mutants",
	Bar:  "every mutant red",
	Break: func(ctx context.Context, r *Run) (err error) {
		dir, err := os.MkdirTemp("", "dueq-mutants-")
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
		all := mutant.All()
		red := 0
		for _, m := range all {
			binary, err := m.Build(ctx, dir)
			if err != nil {
				return err
			}
			rows := Rows()
			row := rows[slices.IndexFunc(rows, func(row Row) bool { return row.Name == m.Row })]
			trial := &Run{Out: io.Discard, Binary: binary}
			result := row.Do(ctx, trial, r.Rand.Uint64())
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			// A harness that broke down shows nothing about the mutant.
			isRed := len(trial.failures) > 0 && !trial.broken
			r.Say("%s on %s: red %v: %s", m.Name, m.Row, isRed, result.Failure)
			r.Require(isRed, "mutant %s was not noticed: %s", m.Name, result.Failure)
			if isRed {
				red++
			}
		}
		r.Figure("%d of %d red", red, len(all))
		return nil
	},
}
