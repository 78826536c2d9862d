// Callback delivers HTTP callbacks, and tries again what failed: after 2 minutes, then after 10, 10, an
// hour, 2, 6 and 15. One that has failed for a day is dead, and so is at once one whose receiver says
// that it is gone.
//
// It shows a table of retries, the number of the attempt, worker.Dead, and how to list dead jobs.
//
// With 2 minutes shrunk to two seconds, and nothing installed; /demo/… are receivers to try it on:
//
//	go run ./examples/callback --scale 60
//
//	curl -d '{"url":"http://127.0.0.1:8082/demo/flaky","body":{"paid":true}}' http://127.0.0.1:8082/callbacks
//	curl -d '{"url":"http://127.0.0.1:8082/demo/gone","body":{"paid":true}}' http://127.0.0.1:8082/callbacks
//	curl http://127.0.0.1:8082/dead
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/sync/errgroup"

	"github.com/dueq-io/dueq/queue"
	"github.com/dueq-io/dueq/scheduler"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // so that a second ^C ends the program at once
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "callback:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stdout io.Writer) error {
	opts, err := parse(args, stdout)
	if err != nil {
		return err
	}
	logger := slog.New(slog.NewTextHandler(stdout, nil))
	client, err := queue.Config{Namespace: opts.namespace, Logger: logger}.Open(ctx, opts.redis)
	if err != nil {
		return err
	}
	defer client.Close()
	if client.Embedded() {
		logger.InfoContext(ctx, "memory:// needs no server and keeps nothing: what waits is gone when the program ends")
	}
	w, err := newWorker(client, opts, logger)
	if err != nil {
		return err
	}
	s, err := scheduler.New(client, scheduler.Config{Logger: logger})
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return w.Run(ctx) })
	group.Go(func() error { return s.Run(ctx) })
	group.Go(func() error { return takeCallbacks(ctx, client, opts, logger) })
	return group.Wait()
}
