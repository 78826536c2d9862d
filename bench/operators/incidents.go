package main

import (
	"context"
	"errors"
	"fmt"
	"html"
	"strconv"
	"strings"
	"time"

	"github.com/dueq-io/dueq/bench/redisproc"
)

// trouble is an incident: what runs before it, how it begins, and by which rule it is to be named.
type trouble struct {
	// kinds are the children; feed fills the queue until the end.
	kinds []string
	feed  func(ctx context.Context, st *stage)
	// begin makes the incident.
	begin func(ctx context.Context, st *stage) error
	rule  string
	words string
	// within is the bar.
	within time.Duration
}

const (
	patience = 60 * time.Second
	usual    = 10 * time.Second
)

// steady is a flow that a worker's slots are more than enough for.
func steady(delay time.Duration) func(context.Context, *stage) {
	return func(ctx context.Context, st *stage) { st.feed(ctx, 20*time.Millisecond, delay, 1) }
}

var (
	killedMover = trouble{
		kinds: []string{asScheduler, asWorker}, feed: steady(200 * time.Millisecond),
		begin: func(_ context.Context, st *stage) error { st.kill(0); return nil },
		rule:  "overdue", words: "no mover is promoting", within: 5 * time.Second,
	}
	killedWorker = trouble{
		kinds: []string{asScheduler, asWorker}, feed: steady(0),
		begin: func(_ context.Context, st *stage) error { st.kill(1); return nil },
		rule:  "no_worker", words: "no worker is alive", within: usual,
	}
	slowWorker = trouble{
		kinds: []string{asScheduler, asWorker}, feed: steady(0),
		begin: func(ctx context.Context, st *stage) error {
			go st.feed(ctx, 100*time.Millisecond, 0, int(patience/time.Millisecond)) // the slots fill up
			return nil
		},
		rule: "slow", words: "workers are slow", within: usual,
	}
	stalledQueue = trouble{
		kinds: []string{asScheduler, asNarrow}, feed: steady(0),
		begin: func(ctx context.Context, st *stage) error {
			go st.feed(ctx, time.Second, 0, int(patience/time.Millisecond)) // the one slot is taken for good
			return nil
		},
		rule: "stalled", words: "stalled", within: usual,
	}
	fullRedis = trouble{
		kinds: []string{asScheduler, asWorker}, feed: steady(0),
		begin: func(ctx context.Context, st *stage) error {
			used, err := st.server.Info(ctx, "memory", "used_memory")
			if err != nil {
				return err
			}
			return st.server.Admin.ConfigSet(ctx, "maxmemory", strconv.FormatInt(used, 10)).Err()
		},
		rule: "memory", words: "memory is full", within: usual,
	}
	redisAway = trouble{
		kinds: []string{asScheduler, asWorker}, feed: steady(0),
		begin: func(_ context.Context, st *stage) error {
			server := st.server
			st.server = &redisproc.Server{}
			return server.Stop()
		},
		rule: "redis", words: "the numbers are", within: usual,
	}
)

// incident measures from the beginning of trouble to the moment when the Overview names it.
func incident(tr trouble) func(context.Context, *suite) (verdict, error) {
	return func(ctx context.Context, _ *suite) (v verdict, err error) {
		st, err := set(ctx, tr.kinds...)
		if err != nil {
			return verdict{}, err
		}
		defer func() { err = errors.Join(err, st.strike()) }()
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		if err := watch(ctx, st.url+"/events/"); err != nil {
			return verdict{}, err
		}
		go tr.feed(ctx, st)
		if err := st.await(ctx, patience, "before the incident", working); err != nil {
			return verdict{}, err
		}
		begin := time.Now()
		if err := tr.begin(ctx, st); err != nil {
			return verdict{}, err
		}
		var said finding
		err = st.await(ctx, patience, "the incident is not named", func(r *report) bool {
			for _, f := range r.Verdict.Findings {
				if f.Rule == tr.rule {
					said = f
					return true
				}
			}
			return false
		})
		if err != nil {
			return verdict{}, err
		}
		took := time.Since(begin)
		page, err := st.overview(ctx)
		if err != nil {
			return verdict{}, err
		}
		shown := strings.Contains(html.UnescapeString(page), tr.words) && strings.Contains(said.Text, tr.words)
		return verdict{Figure: fmt.Sprintf("%.1f s: %s", took.Seconds(), said.Text), Pass: took <= tr.within && shown}, nil
	}
}

// working says that the queue is healthy, and that its jobs run.
func working(r *report) bool {
	for _, q := range r.Queues {
		if q.Name == theQueue {
			return len(r.Verdict.Findings) == 0 && q.Counts["ack"] > 50 && q.Crew != nil && q.Crew.Taking == 1
		}
	}
	return false
}
