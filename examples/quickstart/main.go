// Quickstart enqueues a job and runs it a second later: go run ./examples/quickstart
package main

import (
	"context"
	"fmt"
	"time"

	"github.com/dueq-io/dueq/queue"
	"github.com/dueq-io/dueq/scheduler"
	"github.com/dueq-io/dueq/worker"
)

func main() {
	ctx, stop := context.WithCancel(context.Background())
	client := must(queue.Open(ctx, "memory://")) // a Redis within the process: nothing is kept
	defer client.Close()

	w := must(worker.New(client, worker.Config{Queues: map[string]int{"greetings": 1}}))
	worker.HandleJSON(w, "greet", func(_ context.Context, _ *queue.Delivery, name string) error {
		defer stop() // w settles this job before its Run returns
		_, err := fmt.Println("hello,", name)
		return err
	})
	s := must(scheduler.New(client, scheduler.Config{})) // makes due jobs ready
	must(client.Enqueue(ctx, queue.Job{Queue: "greetings", Kind: "greet", Payload: []byte(`"world"`), Delay: time.Second}))

	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	must(0, w.Run(ctx))
	must(0, <-ended)
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
