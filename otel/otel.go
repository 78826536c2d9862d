// Package dueqotel traces jobs with OpenTelemetry: a span for each Enqueue and for each run, of one trace, also
// where hours lie between them. The trace context travels in the headers of the job.
//
//	tracing := dueqotel.New(dueqotel.Config{})
//	id, err := tracing.Enqueue(ctx, client, queue.Job{Queue: "sms", Kind: "sms.send"})
//
//	w.Use(tracing.Middleware())
//
// Spans have the attributes of OpenTelemetry's conventions for messaging. Payloads and headers are in none.
package dueqotel

import (
	"context"
	"errors"
	"maps"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/dueq-io/dueq/queue"
	"github.com/dueq-io/dueq/worker"
)

// Config is how jobs are traced. Every zero field is its default.
type Config struct {
	// TracerProvider makes the spans. Default: the global one.
	TracerProvider trace.TracerProvider
	// Propagator writes the trace context into headers and reads it there. Default: the global one, which
	// writes nothing until a program sets it.
	Propagator propagation.TextMapPropagator
}

// Tracing traces what goes through it. It is safe for concurrent use.
type Tracing struct {
	tracer     trace.Tracer
	propagator propagation.TextMapPropagator
}

const scope = "github.com/dueq-io/dueq/otel"

// New makes a Tracing.
func New(cfg Config) *Tracing {
	if cfg.TracerProvider == nil {
		cfg.TracerProvider = otel.GetTracerProvider()
	}
	if cfg.Propagator == nil {
		cfg.Propagator = otel.GetTextMapPropagator()
	}
	return &Tracing{tracer: cfg.TracerProvider.Tracer(scope), propagator: cfg.Propagator}
}

// Enqueue is client.Enqueue within a span whose context the job carries to its runs. Its errors are those of
// client.Enqueue.
func (t *Tracing) Enqueue(ctx context.Context, client *queue.Client, job queue.Job) (string, error) {
	ctx, span := t.tracer.Start(ctx, "send "+job.Queue, trace.WithSpanKind(trace.SpanKindProducer),
		trace.WithAttributes(append(about(&job), semconv.MessagingOperationTypeSend, semconv.MessagingOperationName("enqueue"))...))
	defer span.End()
	job.Headers = t.inject(ctx, job.Headers)
	id, err := client.Enqueue(ctx, job)
	if id != "" {
		span.SetAttributes(semconv.MessagingMessageID(id))
	}
	fail(span, err)
	return id, err
}

// EnqueueMany is client.EnqueueMany within a span whose context all the jobs carry to their runs.
func (t *Tracing) EnqueueMany(ctx context.Context, client *queue.Client, jobs []queue.Job) ([]queue.Result, error) {
	ctx, span := t.tracer.Start(ctx, "send", trace.WithSpanKind(trace.SpanKindProducer), trace.WithAttributes(
		system, semconv.MessagingOperationTypeSend, semconv.MessagingOperationName("enqueue"),
		semconv.MessagingBatchMessageCount(len(jobs))))
	defer span.End()
	traced := make([]queue.Job, len(jobs))
	for i, job := range jobs {
		job.Headers = t.inject(ctx, job.Headers)
		traced[i] = job
	}
	results, err := client.EnqueueMany(ctx, traced)
	fail(span, err)
	return results, err
}

// The bounds of queue.Job.Headers.
const (
	maxHeaders     = 32
	maxHeaderBytes = 8 << 10
)

// inject adds the trace context to a copy of headers. Where there is no room for it the job goes without:
// tracing must not have it refused.
func (t *Tracing) inject(ctx context.Context, headers map[string]string) map[string]string {
	all := propagation.MapCarrier{}
	maps.Copy(all, headers)
	t.propagator.Inject(ctx, all)
	size := 0
	for name, value := range all {
		size += len(name) + len(value)
	}
	if len(all) > maxHeaders || size > maxHeaderBytes {
		return headers
	}
	return all
}

// Middleware returns middleware that runs handlers within a span, whose parent is that of Enqueue. A failure, also
// a panic, is the error of its span; Snooze is none.
func (t *Tracing) Middleware() worker.Middleware {
	return func(next worker.Handler) worker.Handler {
		return worker.HandlerFunc(func(ctx context.Context, d *queue.Delivery) (err error) {
			ctx = t.propagator.Extract(ctx, propagation.MapCarrier(d.Headers))
			ctx, span := t.tracer.Start(ctx, "process "+d.Queue, trace.WithSpanKind(trace.SpanKindConsumer),
				trace.WithAttributes(append(about(&d.Job), semconv.MessagingOperationTypeProcess, semconv.MessagingOperationName("run"),
					semconv.MessagingMessageID(d.ID), attempt.Int(d.Attempt), lateness.Int64(d.Lateness().Milliseconds()))...))
			defer func() {
				if v := recover(); v != nil {
					fail(span, &worker.PanicError{Value: v})
					span.End()
					panic(v)
				}
				if !snoozed(err) {
					fail(span, err)
				}
				span.End()
			}()
			return next.Run(ctx, d)
		})
	}
}

// What the conventions have no name for.
const (
	kind     = attribute.Key("dueq.job.kind")
	attempt  = attribute.Key("dueq.job.attempt")
	lateness = attribute.Key("dueq.job.lateness_ms")
)

var system = semconv.MessagingSystemKey.String("dueq")

func about(j *queue.Job) []attribute.KeyValue {
	return []attribute.KeyValue{
		system, semconv.MessagingDestinationName(j.Queue), semconv.MessagingMessageBodySize(len(j.Payload)), kind.String(j.Kind),
	}
}

func fail(span trace.Span, err error) {
	if err == nil {
		return
	}
	span.RecordError(err)
	span.SetStatus(codes.Error, firstLine(err.Error()))
}

func firstLine(text string) string {
	for i, r := range text {
		if r == '\n' {
			return text[:i]
		}
	}
	return text
}

// snoozed says whether a handler asked for another time, which is no failure.
func snoozed(err error) bool {
	var later interface{ SnoozeDelay() time.Duration }
	return errors.As(err, &later)
}
