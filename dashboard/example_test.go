package dashboard_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/dueq-io/dueq/dashboard"
	"github.com/dueq-io/dueq/queue"
)

// The dashboard as a part of another server, and its numbers as JSON.
func Example() {
	ctx, stop := context.WithCancel(context.Background())
	client, err := queue.Open(ctx, "memory://")
	if err != nil {
		panic(err)
	}
	defer client.Close()
	for range 3 {
		if _, err := client.Enqueue(ctx, queue.Job{Queue: "sms", Kind: "sms.send"}); err != nil {
			panic(err)
		}
	}

	dash, err := dashboard.New(client, dashboard.Config{BasePath: "/dueq", Source: "example"})
	if err != nil {
		panic(err)
	}
	ended := make(chan error)
	go func() { ended <- dash.Run(ctx) }()

	mux := http.NewServeMux()
	mux.Handle("/dueq/", dash)
	server := httptest.NewServer(mux) // elsewhere: dashboard.Server(mux) with an Addr
	defer server.Close()

	request, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL+"/dueq/api/v1/queues", http.NoBody)
	if err != nil {
		panic(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		panic(err)
	}
	defer response.Body.Close()
	var answer struct {
		Source string
		Queues []queue.QueueInfo
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		panic(err)
	}
	for _, q := range answer.Queues {
		fmt.Printf("%s: %s has %d ready\n", answer.Source, q.Name, q.Ready)
	}
	stop() // ends the event streams, so that the server can close
	fmt.Println(<-ended)
	// Output:
	// example: sms has 3 ready
	// <nil>
}
