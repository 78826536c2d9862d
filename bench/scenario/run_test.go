package scenario

import (
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
	systems := []string{system.Asynq, Floor, FloorDeep}
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

func TestSelectRefusesUnknownNames(t *testing.T) {
	t.Parallel()
	if _, err := Select([]string{"enqueue_64", "nonsense"}); err == nil {
		t.Error("want an error that lists the scenarios")
	}
}
