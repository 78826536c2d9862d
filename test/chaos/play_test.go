package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/dueq-io/dueq/test/chaos/fault"
)

// Rows that bear one another run at once, others do not, and what each says stays together.
func TestRowsShareTheMachine(t *testing.T) {
	t.Parallel()
	for name, trial := range map[string]struct {
		share    fault.Share
		full     bool
		parallel int
		together bool
	}{
		"small":                {fault.SmallShared, false, 3, true},
		"small, one at a time": {fault.SmallShared, false, 1, false},
		"full":                 {fault.SmallShared, true, 3, false},
		"quiet":                {fault.Quiet, true, 3, true},
		"alone":                {fault.Alone, false, 3, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out strings.Builder
			o := options{parallel: trial.parallel, full: trial.full, seed: 7}
			rows, most := company(trial.share, trial.together)
			results, err := play(t.Context(), rows, o, newBoard(&out, o, len(rows)))
			if err != nil || (most.Load() == int32(len(rows))) != trial.together || !trial.together && most.Load() != 1 {
				t.Errorf("%v; at most %d of %d ran at once", err, most.Load(), len(rows))
			}
			for i, r := range results {
				told := fmt.Sprintf("row-%d\n  0.0s first\n  0.0s second\n  bar       none\n", i)
				if r.Row != rows[i].Name || r.Seed != 7 || !strings.Contains(out.String(), told) {
					t.Errorf("%+v is not told in one piece:\n%s", r, out.String())
				}
			}
		})
	}
}

// A small row that a busy machine may have kept from its bar is run again, once; no other is.
func TestRowsAreRunAgain(t *testing.T) {
	t.Parallel()
	late := func(r *fault.Run) { r.Timely(false, "late") }
	for name, trial := range map[string]struct {
		first, then func(r *fault.Run)
		full        bool
		runs        int
		failure     string // of the last run
	}{
		"late":            {late, func(*fault.Run) {}, false, 2, ""},
		"late twice":      {late, late, false, 2, "late"},
		"shows nothing":   {func(r *fault.Run) { r.Show(false, "idle") }, late, false, 2, "late"},
		"late, full":      {late, nil, true, 1, "late"},
		"loses":           {func(r *fault.Run) { r.Require(false, "lost") }, nil, false, 1, "lost"},
		"loses, and late": {func(r *fault.Run) { late(r); r.Require(false, "lost") }, nil, false, 1, "lost; late"},
		"well":            {func(*fault.Run) {}, nil, false, 1, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			runs := 0
			row := fault.Row{Name: "row", Break: func(_ context.Context, r *fault.Run) error {
				if runs++; runs == 1 {
					trial.first(r)
				} else {
					trial.then(r)
				}
				return nil
			}}
			o := options{parallel: 2, full: trial.full}
			results, err := play(t.Context(), []fault.Row{row}, o, newBoard(io.Discard, o, 1))
			if err != nil || runs != trial.runs || results[0].Failure != trial.failure || results[0].Pass != (trial.failure == "") ||
				(results[0].First != "") != (trial.runs == 2) {
				t.Errorf("%v; %d runs, %+v", err, runs, results)
			}
		})
	}
}

// company makes rows that count how many of them run at once. Those that should wait for one another.
func company(share fault.Share, together bool) ([]fault.Row, *atomic.Int32) {
	const n = 3
	var running, most atomic.Int32
	all := make(chan struct{})
	rows := make([]fault.Row, n)
	for i := range rows {
		rows[i] = fault.Row{Name: fmt.Sprintf("row-%d", i), Bar: "none", Share: share, Break: func(ctx context.Context, r *fault.Run) error {
			now := running.Add(1)
			defer running.Add(-1)
			most.Store(max(most.Load(), now))
			r.Say("first")
			if now == n {
				close(all)
			}
			if together {
				select {
				case <-all:
				case <-ctx.Done():
					return ctx.Err()
				}
			}
			r.Say("second")
			return nil
		}}
	}
	return rows, &most
}

// The parts of a row count as rows, and it counts for none itself.
func TestPartsHavePlaces(t *testing.T) {
	t.Parallel()
	ctx, places := t.Context(), fault.NewPlaces(1)
	if _, err := places.Take(ctx, fault.InParts, true); err != nil {
		t.Fatal(err)
	}
	leave, err := places.Take(ctx, fault.SmallShared, false)
	if err != nil {
		t.Fatal(err)
	}
	ended, end := context.WithCancel(ctx)
	end()
	if _, err := places.Take(ended, fault.Alone, false); err == nil {
		t.Error("a second row ran beside the first")
	}
	leave()
	if _, err := places.Take(ctx, fault.Alone, false); err != nil {
		t.Error(err)
	}
}

func TestOrder(t *testing.T) {
	t.Parallel()
	rows := []fault.Row{{Share: fault.Alone}, {}, {Share: fault.Quiet}, {Share: fault.InParts}}
	for name, trial := range map[string]struct {
		o    options
		want []int
	}{
		"one at a time": {options{parallel: 1}, []int{0, 1, 2, 3}},
		"small":         {options{parallel: 2}, []int{3, 1, 2, 0}},
		"full":          {options{parallel: 2, full: true}, []int{3, 2, 0, 1}},
	} {
		if got := order(rows, trial.o); !slices.Equal(got, trial.want) {
			t.Errorf("%s: %v, want %v", name, got, trial.want)
		}
	}
}

// What falls short says how to repeat it, and spoils no table.
func TestReport(t *testing.T) {
	t.Parallel()
	o := options{full: true, seed: 7}
	r := record{Date: "2026-11-25", Full: true, Seed: 7, Rows: []fault.Result{
		{Row: "a", Bar: "b", Figure: "c|d", Pass: true}, {Row: "e", Bar: "f", Failure: "two\nlines"},
	}}
	var text, asJSON strings.Builder
	if err := r.print(&text, false); err != nil {
		t.Fatal(err)
	}
	if want := "| a | b | c\\|d | pass |\n| e | f |  | **FAIL**: two lines |\n"; !strings.HasSuffix(text.String(), want) ||
		!strings.Contains(text.String(), "at full size, seed 7") {
		t.Errorf("got\n%s", text.String())
	}
	if err := r.print(&asJSON, true); err != nil || !strings.Contains(asJSON.String(), `"failure": "two\nlines"`) {
		t.Errorf("%v, %s", err, asJSON.String())
	}
	if err := r.verdict(o); err == nil || !strings.HasSuffix(err.Error(), "--full --rows e --seed 7") {
		t.Errorf("got %v", err)
	}
	if r.Rows = r.Rows[:1]; r.verdict(o) != nil {
		t.Errorf("a run that is well ends with %v", r.verdict(o))
	}
}
