package load

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Logged counts the lines with a text in what all processes wrote so far, and returns the first.
func (f *Fleet) Logged(text string) (lines int, first string, err error) {
	logs, err := filepath.Glob(filepath.Join(f.dir, "*.log"))
	if err != nil {
		return 0, "", err
	}
	for _, path := range logs {
		log, err := os.ReadFile(path)
		if err != nil {
			return lines, first, err
		}
		for line := range bytes.Lines(log) {
			if !bytes.Contains(line, []byte(text)) {
				continue
			}
			if lines++; lines == 1 {
				first = string(line)
			}
		}
	}
	return lines, first, nil
}

// Lines are what the process has written to its log so far, whoever in it wrote them.
func (p *Process) Lines() ([]string, error) {
	text, err := os.ReadFile(p.logPath())
	return slices.Collect(strings.Lines(string(text))), err
}
