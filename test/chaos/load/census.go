package load

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"runtime"
	"strconv"
	"strings"
	"syscall"

	"github.com/dueq-io/dueq/test/chaos/history"
)

// census notes how many goroutines this process has, each time it is asked by SIGUSR1.
func census(ctx context.Context, seen *history.Writer) {
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGUSR1)
	defer signal.Stop(asked)
	for {
		select {
		case <-asked:
			seen.Add(history.Record{Type: history.Census, Aux: int32(runtime.NumGoroutine())})
		case <-ctx.Done():
			return
		}
	}
}

// Count asks the process to note its goroutines in its history.
func (p *Process) Count() error { return p.cmd.Process.Signal(syscall.SIGUSR1) }

// notePeak notes the most memory that this process ever had in use (VmHWM: ru_maxrss would be the
// parent's where that had more).
func notePeak(seen *history.Writer) error {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return err
	}
	_, rest, _ := strings.Cut(string(status), "\nVmHWM:")
	size, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
	kib, err := strconv.Atoi(size)
	if err != nil {
		return errors.New("/proc/self/status does not say how much memory was used")
	}
	seen.Add(history.Record{Type: history.PeakMemory, Aux: int32(kib)})
	return nil
}
