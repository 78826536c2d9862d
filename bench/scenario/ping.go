package scenario

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"time"
)

// pingVariable in the environment turns this program into a pinger of the address it holds.
const pingVariable = "DUEQ_BENCH_PING"

// The pinger is a process of its own: inside the one that runs the handlers it would measure how long the Go
// scheduler keeps it waiting, and not how long Redis does.
type pinger struct {
	cmd   *exec.Cmd
	stdin io.Closer
	out   *strings.Builder
}

// RunChild does the work of a child process if this process is one, and then reports true. A main function that
// runs scenarios calls it first.
func RunChild() bool {
	addr := os.Getenv(pingVariable)
	if addr == "" {
		return false
	}
	longest, err := pingUntilEOF(addr, os.Stdin)
	if err != nil {
		fmt.Fprintln(os.Stderr, "ping:", err)
		os.Exit(1)
	}
	fmt.Println(longest)
	return true
}

func startPinger(ctx context.Context, addr string) (*pinger, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	p := &pinger{cmd: exec.CommandContext(ctx, self), out: &strings.Builder{}}
	p.cmd.Env = append(os.Environ(), pingVariable+"="+addr)
	p.cmd.Stdout, p.cmd.Stderr = p.out, os.Stderr
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	return p, p.cmd.Start()
}

// stop ends the pinger and returns the longest that an answer took.
func (p *pinger) stop() (time.Duration, error) {
	if err := p.stdin.Close(); err != nil {
		return 0, err
	}
	if err := p.cmd.Wait(); err != nil {
		return 0, fmt.Errorf("pinger: %w", err)
	}
	return time.ParseDuration(strings.TrimSpace(p.out.String()))
}

// pingUntilEOF pings each millisecond until the parent closes its end, or is gone.
func pingUntilEOF(addr string, stdin io.Reader) (time.Duration, error) {
	conn, err := new(net.Dialer).DialContext(context.Background(), "tcp", addr)
	if err != nil {
		return 0, err
	}
	ended := make(chan struct{})
	go func() {
		_, _ = io.Copy(io.Discard, stdin)
		close(ended)
	}()
	longest, err := pingLoop(conn, ended)
	return longest, errors.Join(err, conn.Close())
}

func pingLoop(conn net.Conn, ended <-chan struct{}) (time.Duration, error) {
	var longest time.Duration
	pong := make([]byte, len("+PONG\r\n"))
	for {
		select {
		case <-ended:
			return longest, nil
		case <-time.After(time.Millisecond):
		}
		start := time.Now()
		if _, err := io.WriteString(conn, "PING\r\n"); err != nil {
			return 0, err
		}
		if _, err := io.ReadFull(conn, pong); err != nil {
			return 0, err
		}
		longest = max(longest, time.Since(start))
	}
}
