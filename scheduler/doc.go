// Package scheduler moves time forward for queues: it makes due jobs ready, takes jobs back from workers
// that were lost, and removes what has been kept for long enough.
//
//	package main
//
//	import (
//		"context"
//		"log"
//		"os/signal"
//		"syscall"
//
//		"github.com/dueq-io/dueq/queue"
//		"github.com/dueq-io/dueq/scheduler"
//	)
//
//	func main() {
//		ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
//		defer stop()
//		client, err := queue.Open(ctx, "redis://localhost:6379/0")
//		if err != nil {
//			log.Fatal(err)
//		}
//		s, err := scheduler.New(client, scheduler.Config{})
//		if err != nil {
//			log.Fatal(err)
//		}
//		if err := s.Run(ctx); err != nil {
//			log.Fatal(err)
//		}
//	}
//
// It has three parts. The mover sleeps until the next job of a queue is due, by Redis's clock, and is
// woken when an earlier one comes. The reaper ends leases that have run out; after Redis itself was away
// it first gives live workers time for a heartbeat. The janitor removes a bounded part at a time.
//
// No part needs a leader: every move is decided within one script, so running a scheduler beside every
// worker is safe and the usual way.
package scheduler
