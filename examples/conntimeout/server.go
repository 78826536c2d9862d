package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net"
	"os"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/dueq-io/dueq/queue"
	"github.com/dueq-io/dueq/scheduler"
	"github.com/dueq-io/dueq/worker"
)

// writeTime is how long a client may take to read what we send.
const writeTime = 5 * time.Second

type server struct {
	client   *queue.Client
	listener net.Listener
	queue    string
	idle     time.Duration
	logger   *slog.Logger

	mu    sync.Mutex
	conns map[string]*conn // by the ID of their jobs
}

// newServer makes a server with a queue of its own. A connection lives in one process, and no other
// could close it: jobs of all processes in one queue would go to workers that can do nothing with them.
// The name is that of host and port, so that a process started again after a crash serves, and so
// empties, what the one before left behind.
func newServer(client *queue.Client, listener net.Listener, idle time.Duration, logger *slog.Logger) *server {
	host, err := os.Hostname()
	if err != nil {
		host = "localhost"
	}
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	return &server{
		client: client, listener: listener, idle: idle, logger: logger,
		queue: fmt.Sprintf("conntimeout-%.40s-%s", host, port),
		conns: map[string]*conn{},
	}
}

func (s *server) run(ctx context.Context) error {
	defer s.listener.Close()
	w, err := worker.New(s.client, worker.Config{
		Queues: map[string]int{s.queue: 1}, Concurrency: 64, Logger: s.logger,
	})
	if err != nil {
		return err
	}
	// A process looks after its own queue; see newServer.
	sched, err := scheduler.New(s.client, scheduler.Config{Queues: []string{s.queue}, Logger: s.logger})
	if err != nil {
		return err
	}
	w.Handle(alarmKind, worker.HandlerFunc(s.closeIdle))
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return w.Run(ctx) })
	group.Go(func() error { return sched.Run(ctx) })
	group.Go(func() error { return s.accept(ctx) })
	return group.Wait()
}

// accept serves connections until ctx ends, and returns when the last is closed.
func (s *server) accept(ctx context.Context) error {
	var open sync.WaitGroup
	defer open.Wait()
	defer context.AfterFunc(ctx, func() { s.listener.Close() })()
	s.logger.InfoContext(ctx, "listening", slog.String("address", s.listener.Addr().String()),
		slog.Duration("idle", s.idle), slog.String("queue", s.queue))
	for {
		accepted, err := s.listener.Accept()
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		open.Go(func() { s.serve(ctx, &conn{Conn: accepted, id: rand.Text()}) })
	}
}

// serve sends back what a connection brings until one of the two ends it.
func (s *server) serve(ctx context.Context, c *conn) {
	defer context.AfterFunc(ctx, func() { c.Close() })()
	s.add(ctx, c)
	defer s.remove(ctx, c)
	if err := s.setAlarm(ctx, c); err != nil {
		// A connection that nothing would ever close is not taken.
		s.logger.ErrorContext(ctx, "set the alarm", slog.Any("error", err))
		return
	}
	bytes := make([]byte, 4096)
	for {
		n, err := c.Read(bytes)
		if err != nil || !s.postpone(ctx, c) {
			return
		}
		if err := c.write(bytes[:n]); err != nil {
			return
		}
	}
}

func (s *server) add(ctx context.Context, c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conns[c.id] = c
	s.logger.InfoContext(ctx, "opened", slog.String("id", c.id), slog.Any("from", c.RemoteAddr()))
}

// remove forgets a connection before it cancels its alarm: one that goes off meanwhile finds nothing to
// close.
func (s *server) remove(ctx context.Context, c *conn) {
	c.Close()
	s.mu.Lock()
	delete(s.conns, c.id)
	s.mu.Unlock()
	if c.expired() {
		return // by its alarm, which is no more
	}
	s.logger.InfoContext(ctx, "closed", slog.String("id", c.id))
	s.cancelAlarm(ctx, c)
}

func (s *server) find(id string) *conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.conns[id]
}
