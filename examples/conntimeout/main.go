// Conntimeout is a TCP server that closes connections which were idle for 15 minutes. It sends back
// what it gets.
//
// It shows a job as an alarm clock: enqueued under an ID of your own when a connection opens,
// rescheduled when data arrives, cancelled when it closes. The alarm goes off at the very moment when
// data arrives sooner or later, and the example shows how to be right then too; see alarm.go.
//
// For connections of one process net.Conn.SetReadDeadline does the same with less. Use a job where
// what it ends outlives the process, or lies elsewhere: a session, a reservation, a rented machine.
//
// With 15 minutes shrunk to five seconds, and nothing installed:
//
//	go run ./examples/conntimeout --scale 180
//
//	nc 127.0.0.1 8083      # type a line now and then, or none
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/dueq-io/dueq/queue"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // so that a second ^C ends the program at once
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "conntimeout:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stdout io.Writer) error {
	flags := flag.NewFlagSet("conntimeout", flag.ContinueOnError)
	flags.SetOutput(stdout)
	redis := flags.String("redis", "memory://", "`URL` of the Redis; memory:// is one within this program")
	namespace := flags.String("namespace", "dueq", "first part of every key")
	listen := flags.String("listen", "127.0.0.1:8083", "`address` to take connections at")
	scale := flags.Float64("scale", 1, "divides all waits: 180 makes 15 minutes 5 s")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 || !(*scale >= 1) {
		return errors.New("no arguments are taken, and no --scale below 1")
	}
	logger := slog.New(slog.NewTextHandler(stdout, nil))
	client, err := queue.Config{Namespace: *namespace, Logger: logger}.Open(ctx, *redis)
	if err != nil {
		return err
	}
	defer client.Close()
	if client.Embedded() {
		logger.InfoContext(ctx, "memory:// needs no server and keeps nothing: what waits is gone when the program ends")
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", *listen)
	if err != nil {
		return err
	}
	idle := max(time.Duration(float64(15*time.Minute) / *scale), time.Millisecond)
	return newServer(client, listener, idle, logger).run(ctx)
}
