// Package alarm tells people when a queue needs them, once when it begins and once when it is over.
//
//	package main
//
//	import (
//		"context"
//		"log"
//		"os/signal"
//		"syscall"
//
//		"github.com/dueq-io/dueq/alarm"
//		"github.com/dueq-io/dueq/queue"
//	)
//
//	func main() {
//		ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
//		defer stop()
//		client, err := queue.Open(ctx, "redis://localhost:6379/0")
//		if err != nil {
//			log.Fatal(err)
//		}
//		mail, err := alarm.NewMail(alarm.MailConfig{
//			Host: "smtp.example.com", From: "dueq@example.com", To: []string{"oncall@example.com"},
//		})
//		if err != nil {
//			log.Fatal(err)
//		}
//		watcher, err := alarm.New(client, alarm.Config{Senders: []alarm.Sender{mail}})
//		if err != nil {
//			log.Fatal(err)
//		}
//		log.Fatal(watcher.Run(ctx))
//	}
//
// A [Rule] compares a [Signal] of each queue that it matches with a limit. An [Incident] begins when the value
// was above it for long enough, and ends when it is down at the rule's Clear, so that a value that swings about
// the limit is one incident and not many.
//
// # Many processes
//
// Any number of processes may watch, and none of them leads. Which incidents there are is one text in Redis,
// which only whoever has read its latest content can change. Once an interval one of the processes has the turn
// to look at the queues; each of them sends what is to be sent, after it has put its name to it there.
//
// # What is promised
//
// Each incident that a process with a sender was alive to see is sent by that sender at least once, and so is its
// end: a process that dies between putting its name to a message and sending it is taken over from after a
// minute. In practice it is once. A message is sent twice only where its sender died, or lost Redis, after the
// receiver had it and before that was noted; both copies then have the same ID, in the Message-ID of a mail and
// in webhook-id. What cannot be sent is tried again for a day. Silences hold back messages about what begins; an
// end is told to everyone who was told the beginning.
//
// While Redis is away, or takes no writes because it is full, no process can know what others have sent. The
// signal [RedisAway] is therefore told by each process by itself.
package alarm
