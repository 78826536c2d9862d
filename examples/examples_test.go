// Package examples_test runs the examples as the programs they are.
package examples_test

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dueq-io/dueq/examples/internal/exampletest"
)

// TestPrograms builds every example and runs it without a Redis, so on memory://, for a moment. All
// flags have their defaults but --listen: that port may be taken on the machine of the test.
func TestPrograms(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	build := exec.CommandContext(t.Context(), "go", "build", "-o", dir+string(filepath.Separator), "./...")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	programs, err := os.ReadDir(dir)
	if err != nil || len(programs) < 4 {
		t.Fatal(programs, err)
	}
	for _, program := range programs {
		name := program.Name()
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if !strings.Contains(string(readme), "go run ./examples/"+name) {
				t.Error("README.md does not say how to run it")
			}
			if path := filepath.Join(dir, name); name == "quickstart" {
				toItsEnd(t, path)
			} else {
				untilInterrupted(t, path)
			}
		})
	}
}

func toItsEnd(t *testing.T, path string) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), path).Output(); err != nil || string(out) != "hello, world\n" {
		t.Errorf("%q, %v", out, err)
	}
}

// untilInterrupted runs a program that listens, connects to it, and ends it as ^C does.
func untilInterrupted(t *testing.T, path string) {
	t.Helper()
	log := exampletest.NewLog()
	program := exec.CommandContext(t.Context(), path, "--listen", "127.0.0.1:0")
	program.Stdout, program.Stderr = log, log
	if err := program.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() {
		defer log.Close()
		ended <- program.Wait()
	}()
	c, err := new(net.Dialer).DialContext(t.Context(), "tcp", log.Address(t))
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	log.Await(t, "memory:// needs no server and keeps nothing")
	if err := program.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != nil {
		t.Errorf("%v; it logged:\n%s", err, log)
	}
}
