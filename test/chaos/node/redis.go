package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"
)

const pollEvery = 5 * time.Millisecond

var errExited = errors.New("node: the server ended at once")

// AOF is when a Redis writes its append-only file to disk.
type AOF string

// What Config.AOF can be; the zero value is Off.
const (
	Off      AOF = "no"
	Everysec AOF = "everysec"
	Always   AOF = "always"
)

// Config is how a Redis is started.
type Config struct {
	AOF       AOF
	MaxMemory string   // such as "64mb"; none by default
	Args      []string // further words of redis-server's command line
	Env       []string // further variables of its environment, as KEY=value
	Shim      bool     // lets PowerCut, FillDisk and ShiftClock work
}

// Redis is one redis-server. Its methods are for one goroutine at a time.
type Redis struct {
	cfg  Config
	dir  string
	port int
	run  *child
	shim *shim
	ask  *redis.Client
}

// Start starts a Redis and returns when it answers.
func Start(ctx context.Context, cfg Config) (*Redis, error) {
	dir, err := os.MkdirTemp("", "dueq-node-")
	if err != nil {
		return nil, err
	}
	r := &Redis{cfg: cfg, dir: dir}
	if err := r.first(ctx); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

// first tries again on another port when somebody took the free one before
// redis-server did.
func (r *Redis) first(ctx context.Context) (err error) {
	if r.cfg.Shim {
		if r.shim, err = newShim(r.dir); err != nil {
			return err
		}
	}
	const attempts = 10
	for range attempts {
		if r.port, err = freePort(); err != nil {
			return err
		}
		r.ask = redis.NewClient(&redis.Options{
			Addr: r.Addr(), MaxRetries: -1, DialerRetries: 1, PoolSize: 2, ContextTimeoutEnabled: true,
		})
		if err = r.launch(ctx); !errors.Is(err, errExited) {
			return err
		}
		_ = r.ask.Close()
	}
	return err
}

// Addr returns host:port.
func (r *Redis) Addr() string { return "127.0.0.1:" + strconv.Itoa(r.port) }

// URL returns the address for queue.Open.
func (r *Redis) URL() string { return "redis://" + r.Addr() }

// Dir returns the directory of the server's files.
func (r *Redis) Dir() string { return r.dir }

// Client returns a client for questions about the server, which Close closes.
// It never repeats a call.
func (r *Redis) Client() *redis.Client { return r.ask }

// Kill ends the server with SIGKILL and returns when it is gone.
func (r *Redis) Kill() error { return r.run.kill() }

// Restart kills the server when it runs and starts it again on the same port
// and directory. What comes back is what it kept on disk.
func (r *Redis) Restart(ctx context.Context) error {
	if err := r.Kill(); err != nil {
		return err
	}
	return r.launch(ctx)
}

// Pause stops the server with SIGSTOP: its connections stay open and nothing
// answers.
func (r *Redis) Pause() error { return r.run.signal(syscall.SIGSTOP) }

// Resume ends what Pause began.
func (r *Redis) Resume() error { return r.run.signal(syscall.SIGCONT) }

// Close ends the server whatever its state and removes its files.
func (r *Redis) Close() error {
	var errs []error
	if r.run != nil {
		errs = append(errs, r.Kill())
	}
	if r.ask != nil {
		_ = r.ask.Close() // closed before only when no port was free
	}
	return errors.Join(append(errs, os.RemoveAll(r.dir))...)
}

func (r *Redis) launch(ctx context.Context) (err error) {
	env := r.cfg.Env
	if r.shim != nil {
		env = append(env, r.shim.env()...)
	}
	if r.run, err = launch(r.dir, env, "redis-server", r.commandLine()...); err != nil {
		return err
	}
	return r.awaitReady(ctx)
}

func (r *Redis) commandLine() []string {
	args := []string{
		"--port", strconv.Itoa(r.port), "--bind", "127.0.0.1", "--dir", r.dir, "--save", "",
		"--maxmemory-policy", "noeviction", "--appendonly", "no",
	}
	if r.cfg.AOF != "" && r.cfg.AOF != Off {
		args = append(args, "--appendonly", "yes", "--appendfsync", string(r.cfg.AOF))
	}
	if r.cfg.MaxMemory != "" {
		args = append(args, "--maxmemory", r.cfg.MaxMemory)
	}
	return append(args, r.cfg.Args...)
}

// awaitReady returns when the server answers and has read its files, which
// may take as long as it says that it does, or has ended.
func (r *Redis) awaitReady(ctx context.Context) error {
	for {
		loading := false
		err := await(ctx, r.run.done, func(ctx context.Context) bool {
			reply := r.answer(ctx)
			loading = loading || reply == "-LOAD"
			return reply == "+PONG"
		})
		switch {
		case err == nil:
			return nil
		case errors.Is(err, errEnded):
			return fmt.Errorf("%w:\n%s", errExited, logTail(r.dir))
		case ctx.Err() != nil || !loading:
			return fmt.Errorf("node: redis-server on %s did not answer: %w\n%s", r.Addr(), err, logTail(r.dir))
		}
	}
}

// answer asks over a connection of its own, and returns how the answer to a PING begins: a client that has
// failed to connect for a while looks for the server once a second only, and the moment of its return is
// what some rows measure from.
func (r *Redis) answer(ctx context.Context) string {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", r.Addr())
	if err != nil {
		return ""
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(time.Second)) // a server that is stopped is asked again
	reply := make([]byte, len("+PONG"))
	if _, err = io.WriteString(conn, "PING\r\n"); err == nil {
		_, err = io.ReadFull(conn, reply)
	}
	if err != nil {
		return ""
	}
	return string(reply)
}
