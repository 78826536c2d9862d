package queue_test

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/dueq-io/dueq/internal/redistest"
	"github.com/dueq-io/dueq/queue"
)

// hundredQueues is a namespace of 100 queues, each with jobs that wait and with jobs that were done in the
// last five minutes.
func hundredQueues(b *testing.B) *queue.Inspector {
	b.Helper()
	ctx := context.Background()
	c, err := queue.Config{Namespace: redistest.Prefix(b), Logger: slog.New(slog.DiscardHandler)}.Open(ctx, redistest.URL(b))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { c.Close() })
	for i := range 100 {
		name := fmt.Sprint("q", i)
		jobs := make([]queue.Job, 500)
		for k := range jobs {
			jobs[k] = queue.Job{Queue: name, Kind: "k", Delay: time.Duration(k+1) * 10 * time.Second}
		}
		jobs[0].Delay = 0
		if _, err := c.EnqueueMany(ctx, jobs); err != nil {
			b.Fatal(err)
		}
		if _, _, err := c.Broker().Lease(ctx, name, 1, time.Minute); err != nil {
			b.Fatal(err)
		}
	}
	return c.Inspector()
}

// BenchmarkActivity reads the last five minutes of 100 queues.
func BenchmarkActivity(b *testing.B) {
	in := hundredQueues(b)
	for b.Loop() {
		if all, err := in.Activity(b.Context(), 5*time.Minute); err != nil || len(all) != 100 {
			b.Fatal(len(all), err)
		}
	}
}

// BenchmarkHorizons counts the next hour of 100 queues by minutes: 12,200 ZCOUNT.
func BenchmarkHorizons(b *testing.B) {
	in := hundredQueues(b)
	bounds := make([]time.Duration, 60)
	for i := range bounds {
		bounds[i] = time.Duration(i+1) * time.Minute
	}
	for b.Loop() {
		if all, err := in.Horizons(b.Context(), bounds); err != nil || len(all) != 100 {
			b.Fatal(len(all), err)
		}
	}
}

// BenchmarkSeries reads 90 days of a queue by hours.
func BenchmarkSeries(b *testing.B) {
	in := hundredQueues(b)
	now := time.Now()
	for b.Loop() {
		if s, err := in.Series(b.Context(), "q1", now.Add(-queue.SeriesAge), now, time.Hour); err != nil || len(s.Buckets) < 2000 {
			b.Fatal(len(s.Buckets), err)
		}
	}
}
