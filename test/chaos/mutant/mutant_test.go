package mutant

import (
	"os"
	"path/filepath"
	"testing"
)

// Every mutant still fits the code, so that it is found here and not an hour into a full run.
func TestMutantsFitTheCode(t *testing.T) {
	t.Parallel()
	for _, m := range All() {
		source, err := os.ReadFile(filepath.Join("..", "..", "..", m.File))
		if err != nil {
			t.Fatal(err)
		}
		changed, err := m.apply(string(source))
		if err != nil {
			t.Error(err)
		}
		if changed == string(source) {
			t.Errorf("mutant %s changes nothing", m.Name)
		}
	}
}

// So does the change to package time.
func TestClockFitsGo(t *testing.T) {
	t.Parallel()
	if err := clockFiles(t.Context(), map[string]string{}); err != nil {
		t.Error(err)
	}
}

func TestApplyWantsTheTextOnce(t *testing.T) {
	t.Parallel()
	m := Mutant{Name: "m", Old: "a", New: "b"}
	for _, source := range []string{"", "aa"} {
		if _, err := m.apply(source); err == nil {
			t.Errorf("%q was changed", source)
		}
	}
	if got, err := m.apply("cac"); err != nil || got != "cbc" {
		t.Errorf("%q, %v", got, err)
	}
}
