package dueqotel_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	dueqotel "github.com/dueq-io/dueq/otel"
	"github.com/dueq-io/dueq/queue"
	"github.com/dueq-io/dueq/worker"
)

// rig is a traced queue within this process.
type rig struct {
	t       *testing.T
	client  *queue.Client
	spans   *tracetest.InMemoryExporter
	tracing *dueqotel.Tracing
	tracer  trace.Tracer
}

func newRig(t *testing.T) *rig {
	t.Helper()
	client, err := queue.Config{Logger: slog.New(slog.DiscardHandler)}.Open(t.Context(), "memory://")
	if err != nil {
		t.Fatal(err)
	}
	spans := tracetest.NewInMemoryExporter()
	provider := sdk.NewTracerProvider(sdk.WithSyncer(spans))
	t.Cleanup(func() { _ = client.Close(); _ = provider.Shutdown(context.Background()) })
	return &rig{
		t: t, client: client, spans: spans, tracer: provider.Tracer("test"),
		tracing: dueqotel.New(dueqotel.Config{TracerProvider: provider, Propagator: propagation.TraceContext{}}),
	}
}

// leased leases a job of queue sms.
func (r *rig) leased() *queue.Delivery {
	r.t.Helper()
	deliveries, _, err := r.client.Broker().Lease(r.t.Context(), "sms", 1, queue.DefaultLease)
	if err != nil || len(deliveries) != 1 {
		r.t.Fatal(deliveries, err)
	}
	return deliveries[0]
}

// span finds the one span of a name.
func (r *rig) span(name string) tracetest.SpanStub {
	r.t.Helper()
	for _, s := range r.spans.GetSpans() {
		if s.Name == name {
			return s
		}
	}
	r.t.Fatalf("no span %q in %v", name, r.spans.GetSpans())
	return tracetest.SpanStub{}
}

func (r *rig) has(s tracetest.SpanStub, want ...attribute.KeyValue) {
	r.t.Helper()
	set := attribute.NewSet(s.Attributes...)
	for _, kv := range want {
		if got, ok := set.Value(kv.Key); !ok || got != kv.Value {
			r.t.Errorf("%s: %s is %v, want %v", s.Name, kv.Key, got.AsInterface(), kv.Value.AsInterface())
		}
	}
}

// run runs a handler as a worker does.
func (r *rig) run(d *queue.Delivery, h worker.HandlerFunc) error {
	return r.tracing.Middleware()(h).Run(r.t.Context(), d)
}

func TestOneTraceFromEnqueueToRun(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	ctx, request := r.tracer.Start(t.Context(), "request")
	mine := map[string]string{"tenant": "a"}
	id, err := r.tracing.Enqueue(ctx, r.client, queue.Job{Queue: "sms", Kind: "sms.send", Payload: []byte("secret"), Headers: mine})
	request.End()
	if err != nil || len(mine) != 1 {
		t.Fatal(err, mine)
	}
	d := r.leased()
	if d.Headers["tenant"] != "a" || d.Headers["traceparent"] == "" {
		t.Errorf("headers %v", d.Headers)
	}
	var inner trace.SpanContext
	if err := r.run(d, func(ctx context.Context, _ *queue.Delivery) error {
		inner = trace.SpanContextFromContext(ctx)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	send, process := r.span("send sms"), r.span("process sms")
	if send.SpanKind != trace.SpanKindProducer || process.SpanKind != trace.SpanKindConsumer {
		t.Errorf("kinds %v and %v", send.SpanKind, process.SpanKind)
	}
	if send.Parent.SpanID() != request.SpanContext().SpanID() || process.Parent.SpanID() != send.SpanContext.SpanID() || inner.SpanID() != process.SpanContext.SpanID() {
		t.Error("the spans are no chain")
	}
	if process.SpanContext.TraceID() != request.SpanContext().TraceID() || process.Status.Code != codes.Unset {
		t.Errorf("%v", process)
	}
	for _, s := range []tracetest.SpanStub{send, process} {
		r.has(s, attribute.String("messaging.system", "dueq"), attribute.String("messaging.destination.name", "sms"),
			attribute.String("messaging.message.id", id), attribute.Int("messaging.message.body.size", 6), attribute.String("dueq.job.kind", "sms.send"))
		if strings.Contains(fmt.Sprint(s.Attributes), "secret") {
			t.Errorf("%s holds the payload", s.Name)
		}
	}
	r.has(send, attribute.String("messaging.operation.type", "send"), attribute.String("messaging.operation.name", "enqueue"))
	r.has(process, attribute.String("messaging.operation.type", "process"), attribute.String("messaging.operation.name", "run"), attribute.Int("dueq.job.attempt", 1))
}

func TestFailures(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		run  worker.HandlerFunc
		want codes.Code
	}{
		"an error":  {func(context.Context, *queue.Delivery) error { return io.ErrUnexpectedEOF }, codes.Error},
		"a retry":   {func(context.Context, *queue.Delivery) error { return worker.RetryIn(time.Second, nil) }, codes.Error},
		"dead":      {func(context.Context, *queue.Delivery) error { return worker.Dead(io.EOF) }, codes.Error},
		"a snooze":  {func(context.Context, *queue.Delivery) error { return worker.Snooze(time.Second) }, codes.Unset},
		"a success": {func(context.Context, *queue.Delivery) error { return nil }, codes.Unset},
		"a panic":   {func(context.Context, *queue.Delivery) error { panic("boom") }, codes.Error},
	} {
		r := newRig(t)
		if _, err := r.tracing.Enqueue(t.Context(), r.client, queue.Job{Queue: "sms", Kind: "k"}); err != nil {
			t.Fatal(err)
		}
		d := r.leased()
		func() {
			defer func() {
				if v := recover(); (v != nil) != (name == "a panic") {
					t.Errorf("%s: recovered %v", name, v)
				}
			}()
			_ = r.run(d, c.run)
		}()
		s := r.span("process sms")
		if s.Status.Code != c.want || (len(s.Events) > 0) != (c.want == codes.Error) || strings.Contains(s.Status.Description, "\n") {
			t.Errorf("%s: %+v, %v", name, s.Status, s.Events)
		}
	}
}

func TestRefusedEnqueue(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	if _, err := r.tracing.Enqueue(t.Context(), r.client, queue.Job{Queue: "sms"}); !errors.Is(err, queue.ErrInvalid) {
		t.Fatal(err)
	}
	if s := r.span("send sms"); s.Status.Code != codes.Error {
		t.Errorf("%+v", s.Status)
	}
}

func TestEnqueueMany(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	jobs := []queue.Job{{Queue: "sms", Kind: "k"}, {Queue: "sms", Kind: "k"}}
	if _, err := r.tracing.EnqueueMany(t.Context(), r.client, jobs); err != nil || jobs[0].Headers != nil {
		t.Fatal(err, jobs)
	}
	send := r.span("send")
	r.has(send, attribute.Int("messaging.batch.message_count", 2))
	for range jobs {
		if err := r.run(r.leased(), func(context.Context, *queue.Delivery) error { return nil }); err != nil {
			t.Fatal(err)
		}
	}
	for _, s := range r.spans.GetSpans() {
		if s.Name == "process sms" && s.Parent.SpanID() != send.SpanContext.SpanID() {
			t.Errorf("%v is no child of %v", s, send)
		}
	}
}

// Tracing must not have a job refused that would be taken without.
func TestFullHeaders(t *testing.T) {
	t.Parallel()
	many := map[string]string{}
	for i := range 32 {
		many[fmt.Sprint(i)] = "x"
	}
	for name, headers := range map[string]map[string]string{"many": many, "large": {"a": strings.Repeat("x", 8<<10-10)}} {
		r := newRig(t)
		ctx, span := r.tracer.Start(t.Context(), "request")
		if _, err := r.tracing.Enqueue(ctx, r.client, queue.Job{Queue: "sms", Kind: "k", Headers: headers}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		span.End()
		if d := r.leased(); len(d.Headers) != len(headers) {
			t.Errorf("%s: %d headers", name, len(d.Headers))
		}
	}
}

// A job that was enqueued without tracing begins a trace of its own.
func TestUntracedJob(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	if _, err := r.client.Enqueue(t.Context(), queue.Job{Queue: "sms", Kind: "k"}); err != nil {
		t.Fatal(err)
	}
	if err := r.run(r.leased(), func(context.Context, *queue.Delivery) error { return nil }); err != nil {
		t.Fatal(err)
	}
	if s := r.span("process sms"); s.Parent.IsValid() || !s.SpanContext.IsValid() {
		t.Errorf("%v", s)
	}
}
