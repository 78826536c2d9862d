// Sms asks a customer by SMS, two hours after an order, how it was.
//
// It shows how to enqueue a delayed job under an ID of your own, so that a request that is repeated
// sends one SMS; how to cancel it; and a worker that is as slow as the gateway it sends through, tries
// again when the gateway says, and gives up on a number that does not exist.
//
// With two hours shrunk to two seconds, and nothing installed:
//
//	go run ./examples/sms --scale 3600
//
//	curl -d '{"id":"A-17","phone":"+15550100","item":"the pizza"}' http://127.0.0.1:8081/orders
//	curl -d '{"id":"A-18","phone":"+15550101","item":"the soup"}' http://127.0.0.1:8081/orders
//	curl -X DELETE http://127.0.0.1:8081/orders/A-18
//
// Service and worker as two programs, which a Redis connects:
//
//	go run ./examples/sms --redis redis://localhost:6379/0 --role service
//	go run ./examples/sms --redis redis://localhost:6379/0 --role worker
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
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // so that a second ^C ends the program at once
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "sms:", err)
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

	group, ctx := errgroup.WithContext(ctx)
	if opts.role != "worker" {
		group.Go(func() error { return takeOrders(ctx, client, opts, logger) })
	}
	if opts.role != "service" {
		group.Go(func() error { return sendMessages(ctx, client, opts, logger) })
	}
	return group.Wait()
}
