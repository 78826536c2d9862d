package mutant

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// ClockEnv is the variable that says by how many seconds the clock of the day of a program that Build
// built is off. Nothing else can set it: Go reads the clock without a library that one could preload.
const ClockEnv = "DUEQ_CHAOS_CLOCK"

// timeNow is the one place where package time asks for the time of day. The monotonic clock stays as it
// is, as where somebody has set the clock of a machine.
var timeNow = Mutant{
	Name: "clock", File: "src/time/time.go",
	Old: "func Now() Time {\n\tsec, nsec, mono := runtimeNow()\n",
	New: "func Now() Time {\n\tsec, nsec, mono := runtimeNow()\n\tsec += clockOff\n",
}

const clockOff = `package time

import "syscall"

var clockOff = func() int64 {
	text, _ := syscall.Getenv("` + ClockEnv + `")
	off, _ := atoi(text)
	return int64(off)
}()
`

// clockFiles adds the files of package time that let ClockEnv set the clock, by path.
func clockFiles(ctx context.Context, files map[string]string) error {
	root, err := exec.CommandContext(ctx, "go", "env", "GOROOT").Output()
	if err != nil {
		return fmt.Errorf("ask go for its sources: %w", err)
	}
	dir := filepath.Join(strings.TrimSpace(string(root)), "src", "time")
	source, err := os.ReadFile(filepath.Join(dir, "time.go"))
	if err != nil {
		return err
	}
	changed, err := timeNow.apply(string(source))
	files[filepath.Join(dir, "time.go")], files[filepath.Join(dir, "clock_off.go")] = changed, clockOff
	return err
}
