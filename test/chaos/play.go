package main

import (
	"context"
	"slices"
	"sync"

	"github.com/dueq-io/dueq/test/chaos/fault"
)

// play runs rows, as many at once as o says and as they bear, and returns what came of them in the order
// of rows. It returns when all have ended, whatever ends them.
func play(ctx context.Context, rows []fault.Row, o options, b *board) ([]fault.Result, error) {
	results := make([]fault.Result, len(rows))
	places := fault.NewPlaces(o.parallel)
	var under sync.WaitGroup
	defer under.Wait()
	for _, i := range order(rows, o) {
		leave, err := places.Take(ctx, rows[i].Share, o.full)
		if err != nil {
			return nil, err
		}
		under.Go(func() {
			defer leave()
			results[i] = b.play(ctx, rows[i], o, places)
		})
	}
	under.Wait()
	return results, b.playAgain(ctx, rows, results, o, places)
}

// playAgain gives small rows that fell short by what a busy machine may bring about, as is one that runs
// several rows at once, one more run, alone. What must never be is never run again, and nothing is at full size.
func (b *board) playAgain(ctx context.Context, rows []fault.Row, results []fault.Result, o options, places *fault.Places) error {
	for i, first := range results {
		if ctx.Err() != nil || first.Pass || !first.Chance || o.full {
			continue
		}
		results[i] = b.play(ctx, rows[i], o, places)
		results[i].First = first.Failure
	}
	return context.Cause(ctx)
}

func (b *board) play(ctx context.Context, row fault.Row, o options, places *fault.Places) fault.Result {
	out := b.begin(row)
	result := row.Do(ctx, &fault.Run{Full: o.full, Out: out, Places: places}, o.seed)
	if ctx.Err() == nil {
		b.end(out, result)
	}
	return result
}

// order is the one in which rows are started. Where several run at once, one that has parts goes first, as
// it takes the longest, and those that want the machine for themselves last, so that it is emptied once.
func order(rows []fault.Row, o options) []int {
	out := make([]int, len(rows))
	for i := range out {
		out[i] = i
	}
	if o.parallel == 1 {
		return out
	}
	rank := func(i int) int {
		switch {
		case rows[i].Share == fault.InParts:
			return 0
		case !rows[i].Share.Alone(o.full):
			return 1
		default:
			return 2
		}
	}
	slices.SortStableFunc(out, func(a, b int) int { return rank(a) - rank(b) })
	return out
}
