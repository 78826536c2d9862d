package scenario

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/dueq-io/dueq/bench/redisproc"
	"github.com/dueq-io/dueq/bench/system"
)

// These bound a single measurement, so that a system that loses a job cannot hold up the run.
const (
	oneMeasurement      = 2 * time.Minute
	oneQuickMeasurement = 20 * time.Second
)

// Options say how to run.
type Options struct {
	// Rounds of each scenario, of which the medians count.
	Rounds int
	// Quick makes everything small: it shows that all works, and measures nothing.
	Quick bool
	// Systems to measure; none named are all that a scenario has.
	Systems []string
	// Progress is told of each measurement as it ends.
	Progress io.Writer
}

// Result is one figure over all rounds.
type Result struct {
	Scenario string  `json:"scenario"`
	System   string  `json:"system"`
	Value    float64 `json:"value"`
	Unit     string  `json:"unit"`
}

// Run measures the scenarios one after the other. What failed is in the error; the figures of the rest stand.
func Run(ctx context.Context, scenarios []Scenario, o Options) ([]Result, error) {
	var results []Result
	var errs []error
	for _, s := range scenarios {
		r, err := runOne(ctx, s, o)
		results = append(results, r...)
		if ctx.Err() != nil {
			return results, ctx.Err()
		}
		errs = append(errs, err)
	}
	return results, errors.Join(errs...)
}

func runOne(ctx context.Context, s Scenario, o Options) (results []Result, err error) {
	server, err := redisproc.Start(ctx, s.Persistence)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, server.Stop()) }()

	rounds := max(1, o.Rounds)
	if s.Rounds > 0 {
		rounds = min(rounds, s.Rounds)
	}
	figures := newFigures()
	failed := map[string]error{}
	for round := range rounds {
		for i := range s.Systems {
			// Each round begins with another system, so that none is always the one after the slowest.
			name := s.Systems[(i+round)%len(s.Systems)]
			if failed[name] != nil || !measurable(name) || !o.wants(name) {
				continue
			}
			env := &Env{Server: server, System: name, Quick: o.Quick, fastPolling: s.FastPolling}
			metrics, err := measureOnce(ctx, s, env)
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			if err == nil {
				figures.add(name, metrics)
			} else {
				failed[name] = fmt.Errorf("%s on %s: %w", s.Name, name, err)
				// How fast a system failed is no figure, and rounds that went well do not speak for it either.
				metrics = nil
				figures.drop(name)
			}
			report(o.Progress, fmt.Sprintf("%s %d/%d %s", s.Name, round+1, rounds, name), metrics, err)
		}
	}
	return figures.results(s.Systems), errors.Join(values(failed)...)
}

func measureOnce(ctx context.Context, s Scenario, env *Env) ([]Metric, error) {
	limit := oneMeasurement
	if env.Quick {
		limit = oneQuickMeasurement
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	if err := env.Server.Flush(ctx); err != nil {
		return nil, err
	}
	return s.measure(ctx, env)
}

func (o Options) wants(name string) bool {
	return len(o.Systems) == 0 || slices.Contains(o.Systems, name)
}

func measurable(name string) bool {
	return name == Floor || name == FloorDeep || system.Built(name)
}

func report(w io.Writer, what string, metrics []Metric, err error) {
	if w == nil {
		return
	}
	line := []string{what + ":"}
	for _, m := range metrics {
		line = append(line, Figure(m.Value), m.Unit)
	}
	if err != nil {
		line = append(line, err.Error())
	}
	_, _ = fmt.Fprintln(w, strings.Join(line, " "))
}

func values(m map[string]error) []error {
	var errs []error
	for _, err := range m {
		errs = append(errs, err)
	}
	return errs
}
