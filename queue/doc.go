// Package queue is what a job is and every legal move it can make.
//
//	package main
//
//	import (
//		"context"
//		"log"
//		"time"
//
//		"github.com/dueq-io/dueq/queue"
//	)
//
//	func main() {
//		ctx := context.Background()
//		client, err := queue.Open(ctx, "redis://localhost:6379/0")
//		if err != nil {
//			log.Fatal(err)
//		}
//		defer client.Close()
//		id, err := client.Enqueue(ctx, queue.Job{
//			Queue:   "sms",
//			Kind:    "sms.send",
//			Payload: []byte(`{"to":"+4512345678","text":"Your parcel has arrived"}`),
//			Delay:   2 * time.Hour,
//		})
//		if err != nil {
//			log.Fatal(err)
//		}
//		log.Print("enqueued ", id)
//	}
//
// # What is promised
//
//  1. At least once. When Enqueue returns nil, the job runs at least once, or ends dead-lettered,
//     expired or cancelled, each visible; under the Durability that was asked for.
//  2. At most one accepted completion per job. A worker that lost its lease cannot complete, retry or
//     bury the job: its token is stale and the script refuses it.
//  3. Never early. By Redis's own clock. Clients' and workers' clocks play no part in safety.
//  4. Prompt. A due job starts within milliseconds, however many are waiting behind it.
//
// Handlers must be idempotent: a job can run more than once.
//
// # The life of a job
//
// A job is in exactly one of the states delayed, ready, leased, retrying, dead and done. Every move
// between them is one verb, and every verb is one Lua script that checks first and writes last:
//
//	enqueue      none -> ready or delayed
//	promote      delayed or retrying, due -> ready
//	lease        ready -> leased, under a new token
//	extend       leased -> leased
//	ack          leased -> done, if it is to be kept, or gone
//	retry        leased -> retrying, a failure counted
//	snooze       leased -> delayed, nothing counted
//	release      leased -> head of ready, nothing counted
//	bury         leased -> dead
//	reap         leased, lease run out -> ready, or dead
//	reschedule   delayed or retrying -> another due time
//	cancel       delayed, retrying, ready or dead -> gone; leased -> flagged
//	requeue      dead or done -> ready
//	purge        dead or done, kept for long enough -> gone
//
// # Who calls what
//
// Applications use Client to hand jobs in and Inspector to look at them and operate. Broker is for
// building workers and schedulers; package worker and package scheduler are the ones that come with
// dueq and have no other door.
//
// # Logs
//
// What fails is returned to the caller, and what a worker or a scheduler meets goes to its Logger. The
// client library go-redis has a log of its own besides, one for the whole program, in which it writes a
// line to standard error for each connection that fails. A program that imports this package has those
// lines in slog.Default(), at debug, each kind at most once every 10 s. A logger that the program gives
// to redis.SetLogger, at any time, is used instead.
package queue
