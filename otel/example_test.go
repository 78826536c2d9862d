package dueqotel_test

import (
	"context"
	"fmt"
	"log/slog"

	"go.opentelemetry.io/otel/propagation"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	dueqotel "github.com/dueq-io/dueq/otel"
	"github.com/dueq-io/dueq/queue"
	"github.com/dueq-io/dueq/worker"
)

// A job is enqueued in a request and run by a worker, and both are spans of one trace.
func Example() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	quiet := slog.New(slog.DiscardHandler)
	client, err := queue.Config{Logger: quiet}.Open(ctx, "memory://")
	if err != nil {
		panic(err)
	}
	defer client.Close()

	spans := tracetest.NewInMemoryExporter() // a program has an exporter of OTLP here
	tracing := dueqotel.New(dueqotel.Config{
		TracerProvider: sdk.NewTracerProvider(sdk.WithSyncer(spans)), Propagator: propagation.TraceContext{},
	})
	w, err := worker.New(client, worker.Config{Queues: map[string]int{"sms": 1}, Logger: quiet})
	if err != nil {
		panic(err)
	}
	w.Use(tracing.Middleware())
	w.Handle("sms.send", worker.HandlerFunc(func(context.Context, *queue.Delivery) error {
		cancel() // one is enough
		return nil
	}))
	if _, err := tracing.Enqueue(ctx, client, queue.Job{Queue: "sms", Kind: "sms.send"}); err != nil {
		panic(err)
	}
	if err := w.Run(ctx); err != nil {
		panic(err)
	}
	var trace string
	for _, s := range spans.GetSpans() {
		fmt.Println(s.Name, s.SpanKind, trace == "" || trace == s.SpanContext.TraceID().String())
		trace = s.SpanContext.TraceID().String()
	}
	// Output:
	// send sms producer true
	// process sms consumer true
}
