// Package redisproc starts a redis-server of its own for a measurement, and ends it.
//
// A benchmark that borrows a server that is already running measures that server's other clients too,
// and its FLUSHALL would be somebody's loss.
package redisproc

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

// Persistence says what the server does before it answers a write.
type Persistence string

const (
	// Memory keeps nothing: no AOF, no snapshots.
	Memory Persistence = "none"
	// FsyncAlways answers a write only once it is on the disk.
	FsyncAlways Persistence = "always"
)

// startWithin bounds the wait for the first PONG; a server with an empty data set needs a few milliseconds.
const startWithin = 10 * time.Second

// Server is one running redis-server.
type Server struct {
	// Addr is host:port. It is TCP, not a Unix socket, because that is what every system measured here can use.
	Addr string
	// Admin is the measurement's own connection, apart from those of the system under test.
	Admin *redis.Client

	cmd  *exec.Cmd
	dir  string
	done chan struct{}
	exit error // set before done is closed
}

// Start runs redis-server on a free loopback port and returns once it answers.
func Start(ctx context.Context, p Persistence) (*Server, error) {
	bin, err := exec.LookPath(cmp.Or(os.Getenv("REDIS_SERVER"), "redis-server"))
	if err != nil {
		return nil, fmt.Errorf("the benchmark starts its own Redis: %w", err)
	}
	dir, err := os.MkdirTemp("", "dueq-bench-")
	if err != nil {
		return nil, err
	}
	s := &Server{dir: dir, done: make(chan struct{})}
	if err := s.launch(ctx, bin, p); err != nil {
		return nil, errors.Join(err, s.Stop())
	}
	return s, nil
}

func (s *Server) launch(ctx context.Context, bin string, p Persistence) error {
	port, err := freePort(ctx)
	if err != nil {
		return err
	}
	s.Addr = net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	// Not CommandContext: the scenarios stop first, so that their last answers are no errors, and then Stop ends it.
	s.cmd = exec.Command(bin, arguments(port, s.dir, p)...) //nolint:noctx // see above
	s.cmd.SysProcAttr = childAttributes()
	if err := s.cmd.Start(); err != nil {
		s.cmd = nil
		return err
	}
	go func() {
		s.exit = s.cmd.Wait()
		close(s.done)
	}()
	s.Admin = redis.NewClient(&redis.Options{Addr: s.Addr, MaxRetries: -1})
	return s.awaitPong(ctx)
}

func arguments(port int, dir string, p Persistence) []string {
	args := []string{
		"--port", strconv.Itoa(port), "--bind", "127.0.0.1", "--dir", dir, "--save", "",
		"--daemonize", "no", "--logfile", filepath.Join(dir, "redis.log"), "--maxmemory-policy", "noeviction",
	}
	if p == FsyncAlways {
		return append(args, "--appendonly", "yes", "--appendfsync", "always")
	}
	return append(args, "--appendonly", "no")
}

func (s *Server) awaitPong(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startWithin)
	defer cancel()
	for {
		err := s.Admin.Ping(ctx).Err()
		if err == nil {
			return nil
		}
		select {
		case <-s.done:
			log, logErr := os.ReadFile(filepath.Join(s.dir, "redis.log"))
			return fmt.Errorf("redis-server ended at once: %w: %s", errors.Join(s.exit, logErr), log)
		case <-ctx.Done():
			return fmt.Errorf("redis-server does not answer: %w", err)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// Flush empties the server, so that one round cannot slow down or feed the next.
func (s *Server) Flush(ctx context.Context) error {
	return s.Admin.FlushAll(ctx).Err()
}

// Stop ends the server by its process ID and removes what it wrote.
func (s *Server) Stop() error {
	var errs []error
	if s.Admin != nil {
		errs = append(errs, s.Admin.Close())
	}
	if s.cmd != nil {
		// Nothing of it is kept, so there is no reason to let it shut down in good order.
		if err := s.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
			errs = append(errs, err)
		}
		<-s.done
	}
	return errors.Join(append(errs, os.RemoveAll(s.dir))...)
}

func freePort(ctx context.Context) (int, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	port := l.Addr().(*net.TCPAddr).Port
	return port, l.Close()
}
