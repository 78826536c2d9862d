package main

import (
	"bytes"
	"errors"
	"math"
	"strings"
	"testing"
)

// Bad input is one sentence that says what to do, before anything is started.
func TestBadInput(t *testing.T) {
	t.Parallel()
	for name, trial := range map[string]struct {
		args  []string
		says  string
		usage bool
	}{
		"unknown flag":   {[]string{"--fast"}, "--help", true},
		"not a number":   {[]string{"--seed", "x"}, "--help", true},
		"an argument":    {[]string{"worker-sigkill"}, "worker-sigkill", true},
		"no room to run": {[]string{"--parallel", "0"}, "--parallel 0", true},
		"unknown row":    {[]string{"--rows", "worker-sigkill,nonesuch"}, `"nonesuch"`, false},
		"one empty row":  {[]string{"--rows", "worker-sigkill,"}, "--list", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			err := run(t.Context(), trial.args, &out)
			if err == nil || !strings.Contains(err.Error(), trial.says) || errors.Is(err, errUsage) != trial.usage {
				t.Errorf("got %v", err)
			}
			if out.Len() > 0 || err != nil && strings.Contains(err.Error(), "\n") {
				t.Errorf("more than a sentence: %v, %s", err, out.String())
			}
		})
	}
}

// So is what the machine lacks.
func TestUnfitMachine(t *testing.T) { //nolint:paralleltest // it changes the environment
	if err := checkSpace(math.MaxUint64); err == nil || !strings.Contains(err.Error(), "TMPDIR") || strings.Contains(err.Error(), "\n") {
		t.Errorf("without room: %v", err)
	}
	t.Setenv("PATH", t.TempDir())
	var out bytes.Buffer
	err := run(t.Context(), []string{"--rows", "worker-sigkill"}, &out)
	if err == nil || !strings.HasSuffix(err.Error(), "apt-get install redis-server") || out.Len() > 0 {
		t.Errorf("without a Redis: %v, %s", err, out.String())
	}
}

func TestListNamesEveryRow(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if err := run(t.Context(), []string{"--list"}, &out); err != nil {
		t.Fatal(err)
	}
	for _, row := range []string{"worker-sigkill", "redis-sigkill-always", "mutants"} {
		if !strings.Contains(out.String(), row+" ") {
			t.Errorf("%s is not in the list:\n%s", row, out.String())
		}
	}
}
