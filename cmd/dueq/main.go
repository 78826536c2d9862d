// Command dueq runs and operates a delayed-job and task queue on Redis.
//
//	dueq demo        see all of it at work, with nothing installed
//	dueq worker      run a command, or post to a URL, for each job
//	dueq enqueue     hand jobs in
//	dueq queues      see how the queues are
//
// dueq help lists the rest. A setting is taken from its flag, else from the environment (DUEQ_REDIS), else
// from dueq.yaml in the working directory or the file of --config, else it is the default; dueq config
// shows which. Errors are one line on stderr and exit 1; a command line that cannot be understood exits 2.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/redis/go-redis/v9"
)

// What the shell gets.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

// process is what a command has of the world, so that a test can stand in for it.
type process struct {
	in          io.Reader
	out, errOut io.Writer
	// hurry is closed by the second signal to stop.
	hurry <-chan struct{}
}

// note tells the person something that is not the output. Where standard error is gone there is nobody to
// tell.
func (p *process) note(format string, args ...any) {
	_, _ = fmt.Fprintf(p.errOut, format+"\n", args...)
}

func main() {
	// go-redis logs each failed dial, which the error of the command says already.
	redis.SetLogger(silence{})
	ctx, hurry := untilSignal(context.Background())
	os.Exit(run(ctx, &process{in: os.Stdin, out: os.Stdout, errOut: os.Stderr, hurry: hurry}, os.Args[1:]))
}

type silence struct{}

func (silence) Printf(context.Context, string, ...any) {}

// usageError is a command line that cannot be understood.
type usageError struct{ text string }

func (e *usageError) Error() string { return e.text }

func usagef(format string, args ...any) error { return &usageError{fmt.Sprintf(format, args...)} }

// run carries out one command line and returns its exit code.
func run(ctx context.Context, p *process, args []string) int {
	c := &cli{process: p}
	cmd, err := c.root(args).ExecuteContextC(ctx) //nolint:contextcheck // cobra hands ctx to the command
	if err == nil {
		return exitOK
	}
	text := suggested(oneLine(c.redact(err.Error())))
	if _, usage := errors.AsType[*usageError](err); usage || !c.started {
		p.note("dueq: %s\nTry '%s --help'.", text, cmd.CommandPath())
		return exitUsage
	}
	p.note("dueq: %s", text)
	return exitFailed
}

// oneLine is an error that was joined of several, on one line.
func oneLine(text string) string {
	var lines []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	return visible(strings.Join(lines, "; "), maxErrorText)
}

const maxErrorText = 2000
