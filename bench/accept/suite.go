package main

import (
	"context"
	"fmt"
	"io"
	"math"

	"github.com/dueq-io/dueq/bench/scenario"
	"github.com/dueq-io/dueq/bench/system"
)

// suite is one run of the table.
type suite struct {
	rounds   int
	quick    bool
	root     string
	progress io.Writer

	measured map[string]figures
}

// figures are the results of one scenario.
type figures []scenario.Result

// figures runs a scenario once, however many rows look at it.
func (s *suite) figures(ctx context.Context, name string, systems ...string) (figures, error) {
	if f, ok := s.measured[name]; ok {
		return f, nil
	}
	for _, wanted := range systems {
		if wanted != scenario.Floor && !system.Built(wanted) {
			return nil, fmt.Errorf("%s is not built in", wanted)
		}
	}
	chosen, err := scenario.Select([]string{name})
	if err != nil {
		return nil, err
	}
	f, err := scenario.Run(ctx, chosen, scenario.Options{
		Rounds: s.rounds, Quick: s.quick, Systems: systems, Progress: s.progress,
	})
	if err != nil {
		return nil, err
	}
	if s.measured == nil {
		s.measured = map[string]figures{}
	}
	s.measured[name] = f
	return f, nil
}

// of is one figure; one that is missing is NaN, which passes no comparison.
func (f figures) of(metric, name string) float64 {
	for _, r := range f {
		if r.Scenario == metric && r.System == name {
			return r.Value
		}
	}
	return math.NaN()
}

// ratio sets dueq's figure against another's, in words too.
func (f figures) ratio(metric, other string) (string, float64) {
	ours, theirs := f.of(metric, system.Dueq), f.of(metric, other)
	ratio := ours / theirs
	return fmt.Sprintf("%s to %s's %s = %.2f", scenario.Figure(ours), other, scenario.Figure(theirs), ratio), ratio
}
