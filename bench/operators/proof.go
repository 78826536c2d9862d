package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

// proof is a row that tests measure. Each of them has to be there and to pass, and what it logs after
// "figure: " is the figure.
func proof(dir string, tests ...string) func(context.Context, *suite) (verdict, error) {
	return func(ctx context.Context, s *suite) (verdict, error) {
		pattern := "^(" + strings.Join(tests, "|") + ")$"
		test := exec.CommandContext(ctx, "go", "test", "-count=1", "-timeout=10m", "-v", "-run", pattern, ".")
		test.Dir = filepath.Join(s.root, dir)
		out, failed := test.CombinedOutput()
		if errors.Is(failed, exec.ErrNotFound) {
			return verdict{}, failed
		}
		var figures []string
		for _, name := range tests {
			if !strings.Contains(string(out), "--- PASS: "+name+" ") {
				return verdict{Figure: name + " did not pass: go -C " + dir + " test -run " + pattern + " ."}, nil
			}
		}
		for _, m := range regexp.MustCompile(`(?m): figure: (.*)$`).FindAllStringSubmatch(string(out), -1) {
			figures = append(figures, m[1])
		}
		if len(figures) == 0 {
			return verdict{}, fmt.Errorf("no figure from the tests of %s", dir)
		}
		return verdict{Figure: strings.Join(figures, "; "), Pass: failed == nil}, nil
	}
}
