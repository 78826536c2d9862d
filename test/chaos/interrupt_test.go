package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// asMain makes the test binary the program.
const asMain = "DUEQ_CHAOS_TEST_MAIN"

func TestMain(m *testing.M) {
	if os.Getenv(asMain) != "" {
		main()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// Whatever ends a run, at whatever it is, no process of it is left, and no file where it can still clean up.
func TestNothingIsLeft(t *testing.T) {
	t.Parallel()
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGKILL} {
		t.Run(sig.String(), func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			rows := "worker-sigkill,sentinel-failover"
			if sig != syscall.SIGKILL {
				rows += ",mutants" // whose compilers end by themselves where nobody can end them
			}
			program, err := os.Executable()
			if err != nil {
				t.Fatal(err)
			}
			var said bytes.Buffer
			cmd := exec.Command(program, "--parallel", "8", "--rows", rows) //nolint:noctx // it ends by a signal
			cmd.Env = append(os.Environ(), asMain+"=1", "TMPDIR="+dir)
			cmd.Stderr = &said
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			defer func() { _ = cmd.Process.Kill() }()
			const underWay = 12 // Redis, Sentinels, workers, producers
			eventually(t, func() bool { return len(processes(t, dir)) >= underWay })
			if err := cmd.Process.Signal(sig); err != nil {
				t.Fatal(err)
			}
			err = cmd.Wait()
			if exit := new(exec.ExitError); !errors.As(err, &exit) {
				t.Errorf("ended with %v, want an exit code other than 0", err)
			}
			if sig == syscall.SIGKILL {
				eventually(t, func() bool { return len(processes(t, dir)) == 0 })
				return
			}
			if left := processes(t, dir); len(left) > 0 {
				t.Errorf("left are %v", left)
			}
			if want := "chaos: " + errInterrupted.Error() + "\n"; said.String() != want {
				t.Errorf("it said %q, want %q", said.String(), want)
			}
			if files, err := os.ReadDir(dir); err != nil || len(files) > 0 {
				t.Errorf("left are %v, %v", files, err)
			}
		})
	}
}

// processes are those that work in dir or were told to, with what each is.
func processes(t *testing.T, dir string) (out []string) {
	t.Helper()
	all, err := os.ReadDir("/proc")
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range all {
		if _, err := strconv.Atoi(entry.Name()); err != nil {
			continue
		}
		// What ends meanwhile cannot be read, and is not one of them.
		cwd, _ := os.Readlink(filepath.Join("/proc", entry.Name(), "cwd"))
		env, _ := os.ReadFile(filepath.Join("/proc", entry.Name(), "environ"))
		if strings.HasPrefix(cwd, dir) || slices.Contains(strings.Split(string(env), "\x00"), "TMPDIR="+dir) {
			text, _ := os.ReadFile(filepath.Join("/proc", entry.Name(), "cmdline"))
			out = append(out, entry.Name()+" "+strings.ReplaceAll(string(text), "\x00", " "))
		}
	}
	return out
}

func eventually(t *testing.T, done func() bool) {
	t.Helper()
	tick, deadline := time.NewTicker(20*time.Millisecond), time.NewTimer(time.Minute)
	defer tick.Stop()
	defer deadline.Stop()
	for !done() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatal("not within a minute")
		}
	}
}
