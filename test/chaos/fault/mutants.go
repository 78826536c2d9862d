package fault

import (
	"context"
	"errors"
	"io"
	"os"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/dueq-io/dueq/test/chaos/mutant"
)

// mutants runs small rows with a promise taken out, each of which must fall short.
var mutants = Row{
	Name: "mutants", Bar: "every mutant red", Share: InParts,
	Break: func(ctx context.Context, r *Run) (err error) {
		dir, err := os.MkdirTemp("", "dueq-mutants-")
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
		all := mutant.All()
		red := 0
		var telling sync.Mutex
		group, ctx := errgroup.WithContext(ctx)
		for _, m := range all {
			seed := r.Rand.Uint64() // drawn here, so that each mutant gets the same whoever is first
			group.Go(func() error {
				noticed, result, err := r.try(ctx, m, dir, seed)
				if err != nil {
					return err
				}
				telling.Lock()
				defer telling.Unlock()
				r.Say("%s on %s: red %v: %s", m.Name, m.Row, noticed, result.Failure)
				r.Show(noticed, "mutant %s was not noticed: %s", m.Name, result.Failure)
				if noticed {
					red++
				}
				return nil
			})
		}
		err = group.Wait()
		r.Figure("%d of %d red", red, len(all))
		return err
	},
}

// try builds a mutant and runs its row with it.
func (r *Run) try(ctx context.Context, m mutant.Mutant, dir string, seed uint64) (red bool, _ Result, _ error) {
	rows := Rows()
	row := rows[slices.IndexFunc(rows, func(row Row) bool { return row.Name == m.Row })]
	leave, err := r.Places.Take(ctx, row.Share, false)
	if err != nil {
		return false, Result{}, err
	}
	defer leave()
	binary, err := m.Build(ctx, dir)
	if err != nil {
		return false, Result{}, err
	}
	trial := &Run{Out: io.Discard, Binary: binary}
	result := row.Do(ctx, trial, seed)
	if ctx.Err() != nil {
		return false, result, context.Cause(ctx)
	}
	// A harness that broke down shows nothing about the mutant.
	return len(trial.failures)+len(trial.late) > 0 && !trial.broken, result, nil
}
