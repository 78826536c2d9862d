package redistest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// stopTimeout bounds a graceful stop, which includes a last write of the
// append-only file. A server that takes longer is killed.
const stopTimeout = 10 * time.Second

// Server is one redis-server. Its methods are for one goroutine at a time; what
// goes wrong in them fails the test that started it.
type Server struct {
	tb   testing.TB
	dir  string
	port int // 0 when it listens on a unix socket
	args []string
	proc *process

	cluster bool
	// userinfo is what URL has before the address, where the tests run under an ACL.
	userinfo string
}

// Start starts a private server on a unix socket. Each of args is one word of
// redis-server's command line ("--appendonly", "yes") and overrides what
// redistest sets. The server is killed, and its files removed, when tb ends.
func Start(tb testing.TB, args ...string) *Server {
	tb.Helper()
	return start(tb, listenUnix, args)
}

// StartTCP is [Start] with a free port of 127.0.0.1 in place of the socket.
func StartTCP(tb testing.TB, args ...string) *Server {
	tb.Helper()
	return start(tb, listenTCP, args)
}

func start(tb testing.TB, listen listenFunc, args []string) *Server {
	tb.Helper()
	s, err := boot(listen, args)
	if err != nil {
		tb.Fatal(err)
	}
	s.tb = tb
	tb.Cleanup(func() {
		if tb.Failed() {
			tb.Logf("redis-server's log:\n%s", s.logTail())
		}
		s.remove()
	})
	return s
}

// boot makes the directory of a server and starts it there.
func boot(listen listenFunc, args []string) (*Server, error) {
	dir, err := socketDir()
	if err != nil {
		return nil, err
	}
	s := &Server{dir: dir, args: args}
	if err := listen(s); err != nil {
		s.remove()
		return nil, err
	}
	if err := s.restrict(); err != nil {
		s.remove()
		return nil, err
	}
	return s, nil
}

// URL returns the server's address as a URL: unix:///path, redis://host:port
// or, from [StartCluster], redis+cluster://host:port.
func (s *Server) URL() string {
	switch {
	case s.port == 0:
		return "unix://" + s.userinfo + s.Addr()
	case s.cluster:
		return "redis+cluster://" + s.Addr()
	default:
		return "redis://" + s.Addr()
	}
}

// Addr returns the path of the socket, or host:port.
func (s *Server) Addr() string {
	if s.port == 0 {
		return filepath.Join(s.dir, "redis.sock")
	}
	return "127.0.0.1:" + strconv.Itoa(s.port)
}

// Client returns a client of the server, closed when the test ends.
func (s *Server) Client() *redis.Client {
	s.tb.Helper()
	return connect(s.tb, s)
}

// Kill ends the server as a power cut would, with SIGKILL, and returns when it
// is gone.
func (s *Server) Kill() {
	s.tb.Helper()
	s.signal(syscall.SIGKILL)
	<-s.proc.done
}

// Stop ends the server as an operator would, with SIGTERM, and returns when it
// is gone. A paused server is continued first.
func (s *Server) Stop() {
	s.tb.Helper()
	s.signal(syscall.SIGTERM)
	s.signal(syscall.SIGCONT)
	select {
	case <-s.proc.done:
	case <-time.After(stopTimeout):
		s.Kill()
		s.tb.Fatalf("redistest: redis-server still ran %v after SIGTERM:\n%s", stopTimeout, s.logTail())
	}
}

// Restart stops the server when it runs and starts it again on the same
// address and directory. Only what it was told to keep on disk comes back: by
// default nothing.
func (s *Server) Restart() {
	s.tb.Helper()
	s.Stop()
	if err := s.run(); err != nil {
		s.tb.Fatal(err)
	}
	if err := s.restrict(); err != nil {
		s.tb.Fatal(err)
	}
	if s.cluster {
		s.awaitSlots()
	}
}

// Pause stops the server from running with SIGSTOP: its connections stay open
// and nothing answers, as on a stalled machine.
func (s *Server) Pause() {
	s.tb.Helper()
	s.signal(syscall.SIGSTOP)
}

// Continue ends what [Server.Pause] began.
func (s *Server) Continue() {
	s.tb.Helper()
	s.signal(syscall.SIGCONT)
}

// signal signals the server; one that has already gone is no error.
func (s *Server) signal(sig syscall.Signal) {
	s.tb.Helper()
	if err := s.proc.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		s.tb.Fatalf("redistest: %v to redis-server: %v", sig, err)
	}
}

// remove ends the server whatever its state and removes what it wrote.
func (s *Server) remove() {
	if s.proc != nil {
		_ = s.proc.Signal(syscall.SIGKILL) // fails only when it is gone already
		<-s.proc.done
	}
	_ = os.RemoveAll(s.dir)
}

func connect(tb testing.TB, s *Server) *redis.Client {
	tb.Helper()
	client := redis.NewClient(&redis.Options{
		Addr: s.Addr(), // a leading slash makes it a socket
		// A test that pauses the server bounds its calls by their contexts.
		ContextTimeoutEnabled: true,
	})
	tb.Cleanup(func() { _ = client.Close() })
	return client
}

// logTail returns the end of the log, where the reason for an exit stands.
func (s *Server) logTail() string {
	const size = 2048
	log, err := os.ReadFile(filepath.Join(s.dir, logName))
	if err != nil {
		return fmt.Sprintf("(no log: %v)", err)
	}
	return string(log[max(0, len(log)-size):])
}
