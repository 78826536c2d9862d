package scenario

import (
	"context"
	"errors"
	"os/exec"
	"testing"

	"github.com/dueq-io/dueq/bench/system"
)

// TestEverySystemMovesJobs takes the systems through the whole path once; the other scenarios need minutes.
func TestEverySystemMovesJobs(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("redis-server"); err != nil {
		t.Skip("no redis-server here")
	}
	chosen, err := Select([]string{"enqueue_64", "both"})
	if err != nil {
		t.Fatal(err)
	}
	systems := []string{system.Dueq, system.Asynq, Floor, FloorDeep}
	results, err := Run(t.Context(), chosen, Options{Rounds: 1, Quick: true, Systems: systems})
	if err != nil {
		t.Fatal(err)
	}
	if len(results) != 2*len(systems) {
		t.Fatalf("got %d figures, want one for each scenario and system: %+v", len(results), results)
	}
	for _, r := range results {
		if r.Value <= 0 {
			t.Errorf("%+v: want a figure above 0", r)
		}
	}
}

// TestFailureIsNoFigure guards against the worst that a benchmark can do: to report how fast something failed.
func TestFailureIsNoFigure(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("redis-server"); err != nil {
		t.Skip("no redis-server here")
	}
	rounds := 0
	failing := Scenario{Name: "failing", Systems: []string{Floor, FloorDeep}}
	failing.measure = func(_ context.Context, e *Env) ([]Metric, error) {
		metrics := []Metric{{Name: "failing", Value: 1e9}}
		if e.System == FloorDeep {
			return metrics, nil
		}
		rounds++
		if rounds > 1 {
			return metrics, errors.New("lost a job")
		}
		return metrics, nil
	}
	results, err := Run(t.Context(), []Scenario{failing}, Options{Rounds: 3})
	if err == nil || len(results) != 1 || results[0].System != FloorDeep {
		t.Errorf("got %+v and %v, want the sound system's figure and the other's error", results, err)
	}
}

func TestSelectRefusesUnknownNames(t *testing.T) {
	t.Parallel()
	if _, err := Select([]string{"enqueue_64", "nonsense"}); err == nil {
		t.Error("want an error that lists the scenarios")
	}
}
