package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/dueq-io/dueq/dashboard"
	"github.com/dueq-io/dueq/dashboard/access"
	"github.com/dueq-io/dueq/queue"
	"github.com/dueq-io/dueq/scheduler"
	"github.com/dueq-io/dueq/worker"
)

// The environment turns this program into a part of the system, in a process that can be killed: its kind, and
// the Redis that it works on.
const (
	childVariable = "DUEQ_OPERATORS_CHILD"
	addrVariable  = "DUEQ_OPERATORS_REDIS"
)

// The kinds of children. A worker's handlers take as long as its kind says.
const (
	asScheduler = "scheduler"
	asDashboard = "dashboard"
	asWorker    = "worker"
	// asNarrow is a worker of four slots of which the queue gets one, and whose handler does not return.
	asNarrow = "narrow"
)

// theQueue is the one in which incidents happen. Its jobs say in their payload how many ms they take.
const theQueue = "sms"

const workerSlots = 4

// child is a process of this program.
type child struct {
	cmd *exec.Cmd
	// said is its first line: that it is ready, and where.
	said string
}

// start runs this program again, and waits until it is ready.
func start(ctx context.Context, kind, addr string) (*child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, self)
	cmd.Env = append(os.Environ(), childVariable+"="+kind, addrVariable+"="+addr)
	cmd.Stderr = os.Stderr
	// The child takes the end of its input for the end of this process, and does not outlive it.
	if _, err := cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	said, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s did not start: %w", kind, err), cmd.Process.Kill())
	}
	return &child{cmd, strings.TrimSpace(said)}, nil
}

// kill ends it as a crash would.
func (c *child) kill() {
	// Both errors only say that it has ended already, or that it was killed, which is the point.
	_ = c.cmd.Process.Kill()
	_ = c.cmd.Wait()
}

// runChild does the work of a part if this process is one, until its input or it itself ends.
func runChild() bool {
	kind := os.Getenv(childVariable)
	if kind == "" {
		return false
	}
	ctx, stop := context.WithCancel(context.Background())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		stop()
		// Whoever waits for a handler that does not return is not waited for.
		time.AfterFunc(time.Second, func() { _ = syscall.Kill(os.Getpid(), syscall.SIGKILL) })
	}()
	if err := be(ctx, kind, os.Getenv(addrVariable)); err != nil && ctx.Err() == nil {
		fmt.Fprintln(os.Stderr, kind+":", err)
		os.Exit(1)
	}
	return true
}

func open(ctx context.Context, addr string) (*queue.Client, error) {
	return queue.Config{AcceptDataLoss: true, Logger: quiet()}.Open(ctx, "redis://"+addr)
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

func be(ctx context.Context, kind, addr string) error {
	client, err := open(ctx, addr)
	if err != nil {
		return err
	}
	defer client.Close()
	switch kind {
	case asDashboard:
		return serve(ctx, client)
	case asScheduler:
		s, err := scheduler.New(client, scheduler.Config{Logger: quiet()})
		if err != nil {
			return err
		}
		fmt.Println("ready")
		return s.Run(ctx)
	default:
		cfg := worker.Config{Queues: map[string]int{theQueue: 1}, Concurrency: workerSlots, Grace: -1, Logger: quiet()}
		if kind == asNarrow {
			cfg.QueueConcurrency = map[string]int{theQueue: 1}
		}
		w, err := worker.New(client, cfg)
		if err != nil {
			return err
		}
		w.Handle(worker.AnyKind, worker.HandlerFunc(func(ctx context.Context, d *queue.Delivery) error {
			ms, err := strconv.Atoi(string(d.Payload))
			if err != nil {
				return err
			}
			select {
			case <-time.After(time.Duration(ms) * time.Millisecond):
				return nil
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}))
		fmt.Println("ready")
		return w.Run(ctx)
	}
}

// serve is a dashboard on a port of its own, for an administrator.
func serve(ctx context.Context, client *queue.Client) error {
	d, err := dashboard.New(client, dashboard.Config{Access: access.Config{Anonymous: access.Admin}, Logger: quiet()})
	if err != nil {
		return err
	}
	var listen net.ListenConfig
	l, err := listen.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := dashboard.Server(d)
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(l) }()
	fmt.Println("http://" + l.Addr().String())
	err = d.Run(ctx)
	_ = server.Close() // the streams have ended, and nothing else is worth waiting for
	if failed := <-ended; !errors.Is(failed, http.ErrServerClosed) {
		err = errors.Join(err, failed)
	}
	return err
}
