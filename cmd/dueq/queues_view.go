package main

import (
	"context"
	"time"

	"github.com/dueq-io/dueq/queue"
)

// recentWindow is the span of rates and quantiles.
const recentWindow = 5 * time.Minute

// queueView is a queue as it is printed: its depth, what happened in the last five minutes, and who serves it.
type queueView struct {
	queue.QueueInfo
	OldestReadyMS int64      `json:"oldest_ready_ms"`
	OverdueAgeMS  int64      `json:"overdue_age_ms"`
	Workers       int        `json:"workers"`
	Recent        recentView `json:"last_5m"`
}

// recentView is rates in jobs a second, and times.
type recentView struct {
	In         float64     `json:"enqueued_per_s"`
	Promoted   float64     `json:"promoted_per_s"`
	Started    float64     `json:"started_per_s"`
	Done       float64     `json:"done_per_s"`
	Failed     float64     `json:"failed_per_s"`
	Dead       float64     `json:"dead_per_s"`
	Lateness   msQuantiles `json:"lateness_ms"`
	PromoteLag msQuantiles `json:"promote_lag_ms"`
	// Wait is estimated, see queue.Counts.
	Wait msQuantiles `json:"wait_ms"`
}

// msQuantiles are in ms, to within a quarter; null where nothing was counted.
type msQuantiles struct {
	P50 *float64 `json:"p50"`
	P99 *float64 `json:"p99"`
}

func quantilesOf(quantile func(q float64) time.Duration) msQuantiles {
	one := func(q float64) *float64 {
		d := quantile(q)
		if d < 0 {
			return nil
		}
		ms := float64(d.Round(time.Millisecond/10)) / float64(time.Millisecond)
		return &ms
	}
	const half, most = 0.5, 0.99
	return msQuantiles{one(half), one(most)}
}

func recentOf(a *queue.Activity) recentView {
	return recentView{
		In: a.PerSecond(a.Enqueued), Promoted: a.PerSecond(a.Promoted), Started: a.PerSecond(a.Started), Done: a.PerSecond(a.Done),
		Failed: a.PerSecond(a.Failed), Dead: a.PerSecond(a.Dead),
		Lateness: quantilesOf(a.Lateness.Quantile), PromoteLag: quantilesOf(a.PromoteLag.Quantile), Wait: quantilesOf(a.Wait),
	}
}

// readQueues reads all queues, or those named.
func readQueues(ctx context.Context, client *queue.Client, names []string) ([]queueView, error) {
	in := client.Inspector()
	infos, err := queueInfos(ctx, in, names)
	if err != nil || len(infos) == 0 {
		return []queueView{}, err
	}
	names = make([]string, len(infos))
	for i := range infos {
		names[i] = infos[i].Name
	}
	recent, err := in.Activity(ctx, recentWindow, names...)
	if err != nil {
		return nil, err
	}
	workers, err := in.Workers(ctx)
	if err != nil {
		return nil, err
	}
	serve := map[string]int{}
	for i := range workers {
		for name := range workers[i].Queues {
			serve[name]++
		}
	}
	out := make([]queueView, len(infos))
	for i := range infos {
		out[i] = queueView{
			QueueInfo: infos[i], OldestReadyMS: infos[i].OldestReady.Milliseconds(), OverdueAgeMS: infos[i].OverdueAge.Milliseconds(),
			Workers: serve[names[i]], Recent: recentOf(&recent[i]),
		}
	}
	return out, nil
}

func queueInfos(ctx context.Context, in *queue.Inspector, names []string) ([]queue.QueueInfo, error) {
	if len(names) == 0 {
		return in.Queues(ctx)
	}
	out := make([]queue.QueueInfo, len(names))
	for i, name := range names {
		var err error
		if out[i], err = in.Queue(ctx, name); err != nil {
			return nil, err
		}
	}
	return out, nil
}
