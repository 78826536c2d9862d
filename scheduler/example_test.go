package scheduler_test

import (
	"context"
	"fmt"
	"time"

	"github.com/dueq-io/dueq/queue"
	"github.com/dueq-io/dueq/scheduler"
)

// The program of the package's documentation, on the embedded Redis, with a job that becomes due.
func Example() {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	client, err := queue.Open(ctx, "memory://")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()
	s, err := scheduler.New(client, scheduler.Config{Logger: quiet})
	if err != nil {
		fmt.Println(err)
		return
	}
	done := make(chan error)
	go func() { done <- s.Run(ctx) }()

	if _, err := client.Enqueue(ctx, queue.Job{Queue: "sms", Kind: "sms.send", Delay: 20 * time.Millisecond}); err != nil {
		fmt.Println(err)
		return
	}
	name, err := client.Broker().WaitReady(ctx, []string{"sms"}, 10*time.Second)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("a job is ready in", name)

	stop()
	if err := <-done; err != nil {
		fmt.Println(err)
	}
	// Output: a job is ready in sms
}
