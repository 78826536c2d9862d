package fault

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/dueq-io/dueq/test/chaos/history"
	"github.com/dueq-io/dueq/test/chaos/load"
	"github.com/dueq-io/dueq/test/chaos/node"
)

const (
	// slack is how many goroutines or connections more than before are no leak.
	slack = 5
	// restWithin is how long after a fault the fleet may take to come to rest.
	restWithin = 30 * time.Second
)

var atRest = Row{
	Name:  "at-rest",
	Bar:   "goroutines and connections after each fault are back to where they were, ±5",
	Break: comeToRest,
}

func comeToRest(ctx context.Context, r *Run) (err error) {
	s, err := open(ctx, r, node.Config{AOF: node.Always})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	workers, err := s.workers(2, load.WorkerConfig{})
	if err != nil {
		return err
	}
	faults := []struct {
		name string
		harm func() error
	}{
		{"no fault", func() error { return nil }}, // which warms the pools, so that it is the measure
		{"redis killed", func() error { return s.redis.Restart(ctx) }},
		{"redis stopped", func() error { return s.stopRedis(ctx, 3*s.Lease) }},
		{"connections cut", func() error { return s.redis.Client().ClientKillByFilter(ctx, "TYPE", "normal", "SKIPME", "yes").Err() }},
		{"scripts flushed", func() error { return s.redis.Client().ScriptFlush(ctx).Err() }},
	}
	var before counted
	for n, fault := range faults {
		if err := s.loadWhile(ctx, uint32(n), fault.harm); err != nil {
			return fmt.Errorf("%s: %w", fault.name, err)
		}
		after, err := s.settle(ctx, workers, before)
		if err != nil {
			return fmt.Errorf("%s: %w", fault.name, err)
		}
		if n == 0 {
			before = after
		}
		r.Say("%s: %v", fault.name, after)
		r.Figure("%s: %v", fault.name, after)
		r.Require(after.near(before), "after %s: %v, before: %v", fault.name, after, before)
	}
	return nil
}

// loadWhile lets jobs through while harm is done, and returns when all have ended.
func (s *stage) loadWhile(ctx context.Context, n uint32, harm func() error) error {
	const jobs = 2000
	p, err := s.Producer(load.ProducerConfig{First: n * jobs, Jobs: jobs, PerSecond: 1000})
	if err != nil {
		return err
	}
	return inTurn(func() error { return wait(ctx, time.Second) }, harm, p.Wait, func() error { return s.Drained(ctx) })
}

// counted is what the workers hold.
type counted struct{ goroutines, connections int }

func (c counted) String() string {
	return fmt.Sprintf("%d goroutines, %d connections", c.goroutines, c.connections)
}

func (c counted) near(before counted) bool {
	return c.goroutines <= before.goroutines+slack && c.connections <= before.connections+slack
}

// settle counts until the workers are near what they held before, or for as long as they may take. The
// first count of all is taken when two in a row are equal.
func (s *stage) settle(ctx context.Context, workers []*load.Process, before counted) (counted, error) {
	var last counted
	for deadline := time.Now().Add(restWithin); ; {
		now, err := s.count(ctx, workers)
		switch {
		case err != nil:
			return now, err
		case now.near(before), before == counted{} && now == last, time.Now().After(deadline):
			return now, nil
		}
		last = now
		if err := wait(ctx, time.Second); err != nil {
			return now, err
		}
	}
}

func (s *stage) count(ctx context.Context, workers []*load.Process) (counted, error) {
	var out counted
	since := history.Now()
	for _, w := range workers {
		if err := w.Count(); err != nil {
			return out, err
		}
	}
	for answers := 0; answers < len(workers); {
		if err := wait(ctx, 20*time.Millisecond); err != nil {
			return out, err
		}
		records, err := s.History()
		if err != nil {
			return out, err
		}
		answers, out.goroutines = 0, 0
		for _, e := range records {
			if e.Type == history.Census && e.Mono > since {
				answers, out.goroutines = answers+1, out.goroutines+int(e.Aux)
			}
		}
	}
	info, err := s.redis.Client().Info(ctx, "clients").Result()
	if err != nil {
		return out, err
	}
	out.connections, err = infoNumber(info, "connected_clients")
	return out, err
}

// infoNumber reads a number of INFO.
func infoNumber(info, field string) (n int, err error) {
	_, rest, ok := strings.Cut(info, field+":")
	if !ok {
		return 0, fmt.Errorf("INFO has no %s", field)
	}
	_, err = fmt.Sscan(rest, &n)
	return n, err
}
