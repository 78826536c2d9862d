package dashboard

import (
	"context"
	"time"

	"github.com/dueq-io/dueq/alarm"
	"github.com/dueq-io/dueq/queue"
)

// source is what a collector reads. What is nil is not there to be read.
type source struct {
	queues   reader
	fleet    func(ctx context.Context) (queue.Fleet, error)
	activity func(ctx context.Context, window time.Duration, queues ...string) ([]queue.Activity, error)
	series   func(ctx context.Context, name string, from, to time.Time, step time.Duration) (queue.Series, error)
	horizons func(ctx context.Context, bounds []time.Duration, queues ...string) ([]queue.Horizon, error)
	servers  func(ctx context.Context) ([]queue.ServerInfo, error)
	check    func(ctx context.Context) (queue.Report, error)
	// jobs has secrets hidden.
	jobs   func(ctx context.Context, name string, q queue.Query) (queue.Page, error)
	alarms func(ctx context.Context) (*alarm.State, error)
}

func sourceOf(client *queue.Client) source {
	in := client.Inspector()
	return source{
		queues: readerOf(client), fleet: in.Fleet, activity: in.Activity, series: in.Series, horizons: in.Horizons, servers: in.Servers, check: client.Check,
	}
}
