package load

import (
	"context"
	"os"
	"os/signal"
	"runtime"
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
