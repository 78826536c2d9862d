package fault

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/dueq-io/dueq/queue"
	"github.com/dueq-io/dueq/test/chaos/checker"
	"github.com/dueq-io/dueq/test/chaos/load"
)

var burst = Row{
	Share: Alone,
	Name:  "burst",
	Bar:   "100,000 due in one millisecond: all ready <= 2 s, PING p99 <= 10 ms, 0 early",
	Break: func(ctx context.Context, r *Run) error {
		jobs := r.Size(10_000, 100_000)
		due := time.Now().Add(time.Duration(r.Size(8, 25)) * time.Second).Truncate(time.Millisecond)
		var ready time.Duration
		var pings []time.Duration
		_, err := r.under(ctx, scene{
			workers: 2, worker: load.WorkerConfig{Concurrency: 64, RunFor: time.Microsecond},
			producer: load.ProducerConfig{Jobs: uint32(jobs), Goroutines: 256, Due: due},
		}, func(s *stage, _ []*load.Process) (err error) {
			ready, pings, err = s.watchBurst(ctx, due, jobs)
			return err
		})
		if err != nil {
			return err
		}
		p99 := checker.Quantile(pings, 0.99)
		r.Figure("all ready after %v, PING p99 %v, max %v", ready.Round(time.Millisecond),
			p99.Round(10*time.Microsecond), checker.Quantile(pings, 1).Round(10*time.Microsecond))
		r.Timely(ready <= 2*time.Second, "the last job was ready only after %v", ready)
		r.Timely(p99 <= 10*time.Millisecond, "PING p99 %v", p99)
		return nil
	},
}

// watchBurst waits until all jobs are in and due, and says how long after that none was left delayed and
// how long each PING took meanwhile, sorted.
func (s *stage) watchBurst(ctx context.Context, due time.Time, jobs int) (time.Duration, []time.Duration, error) {
	client, err := queue.Open(ctx, s.URL)
	if err != nil {
		return 0, nil, err
	}
	defer client.Close()
	if err := wait(ctx, time.Until(due)-50*time.Millisecond); err != nil {
		return 0, nil, err
	}
	q, err := client.Inspector().Queue(ctx, s.Queue)
	if err != nil {
		return 0, nil, err
	}
	if q.Delayed != int64(jobs) {
		return 0, nil, fmt.Errorf("%d of %d jobs were in when they were due: the machine is too slow for this run", q.Delayed, jobs)
	}
	var pings []time.Duration
	for {
		began := time.Now()
		if err := client.Ping(ctx); err != nil {
			return 0, nil, err
		}
		pings = append(pings, time.Since(began))
		q, err := client.Inspector().Queue(ctx, s.Queue)
		switch {
		case err != nil:
			return 0, nil, err
		case q.Delayed == 0:
			slices.Sort(pings)
			return time.Since(due), pings, nil
		case time.Since(due) > time.Minute:
			return 0, nil, errors.New("jobs are still delayed a minute after they were due")
		}
	}
}
