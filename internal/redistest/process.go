package redistest

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"
)

const (
	logName = "redis.log"

	// startTimeout is long because a loaded CI machine starts many at once,
	// and one with an append-only file reads it first.
	startTimeout = 30 * time.Second
	pollEvery    = 2 * time.Millisecond

	// Goroutine names the function that stands by a running server, for
	// goleak.IgnoreAnyFunction.
	Goroutine = "github.com/dueq-io/dueq/internal/redistest.standBy"
)

var errExited = errors.New("redistest: redis-server ended at once")

// process is one run of redis-server. done is closed once it has ended.
type process struct {
	*os.Process
	done chan struct{}
}

// run starts redis-server and returns when it answers.
func (s *Server) run() error {
	program := cmp.Or(os.Getenv("REDIS_SERVER"), "redis-server")
	path, err := exec.LookPath(program)
	if err != nil {
		return fmt.Errorf("redistest: these tests need a real Redis and %s is not here; install it with: apt-get install redis-server", program)
	}
	log, err := os.OpenFile(filepath.Join(s.dir, logName), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()

	// No context ends a server: it outlives this call, and the test that
	// started it ends it.
	cmd := exec.CommandContext(context.Background(), path, s.commandLine()...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = dieWithParent()

	started := make(chan error)
	done := make(chan struct{})
	go standBy(cmd, started, done)
	if err := <-started; err != nil {
		return fmt.Errorf("redistest: start redis-server: %w", err)
	}
	s.proc = &process{Process: cmd.Process, done: done}
	return s.awaitReady()
}

// standBy starts cmd and stays on the thread that did until it ends. Linux
// sends the parent-death signal when that thread ends, not the process, and Go
// ends a thread whenever a goroutine exits while locked to it.
func standBy(cmd *exec.Cmd, started chan<- error, done chan<- struct{}) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer close(done)
	err := cmd.Start()
	started <- err
	if err == nil {
		_ = cmd.Wait() // a killed server is no error here
	}
}

func (s *Server) commandLine() []string {
	args := []string{
		"--port", strconv.Itoa(s.port),
		"--dir", s.dir,
		"--save", "",
		"--appendonly", "no",
		"--maxmemory-policy", "noeviction",
	}
	if s.port == 0 {
		args = append(args, "--unixsocket", s.Addr())
	} else {
		args = append(args, "--bind", "127.0.0.1")
	}
	return append(args, s.args...)
}

// awaitReady returns when the server answers a PING, or has ended.
func (s *Server) awaitReady() error {
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for !s.answers(ctx) {
		select {
		case <-tick.C:
		case <-s.proc.done:
			return fmt.Errorf("%w:\n%s", errExited, s.logTail())
		case <-ctx.Done():
			return fmt.Errorf("redistest: redis-server did not answer within %v:\n%s", startTimeout, s.logTail())
		}
	}
	return nil
}

// answers reports whether a PING gets any answer but "still loading". Asked
// for a password counts: a test may well have set one.
func (s *Server) answers(ctx context.Context) bool {
	network := "tcp"
	if s.port == 0 {
		network = "unix"
	}
	conn, err := new(net.Dialer).DialContext(ctx, network, s.Addr())
	if err != nil {
		return false
	}
	defer conn.Close()
	if deadline, ok := ctx.Deadline(); ok {
		_ = conn.SetDeadline(deadline)
	}
	if _, err := conn.Write([]byte("PING\r\n")); err != nil {
		return false
	}
	answer, err := bufio.NewReader(conn).ReadString('\n')
	return err == nil && !strings.HasPrefix(answer, "-LOADING")
}
