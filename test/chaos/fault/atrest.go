package fault

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/dueq-io/dueq/queue"
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
	Share: Quiet,
	Name:  "at-rest",
	Bar:   "goroutines and connections after each fault are back to where they were, ±5",
	Break: func(ctx context.Context, r *Run) error {
		return errors.Join(restAfterFaults(ctx, r), restAfterSilence(ctx, r))
	},
}

// trouble is a fault after which a fleet has to come to rest. The first of several is none: it warms the
// pools, so that it is the measure.
type trouble struct {
	name string
	harm func() error
}

var noTrouble = trouble{"no fault", func() error { return nil }}

// restAfterFaults breaks what a Redis alone can show.
func restAfterFaults(ctx context.Context, r *Run) (err error) {
	s, err := open(ctx, r, node.Config{AOF: node.Always})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	workers, err := s.workers(2, load.WorkerConfig{})
	if err != nil {
		return err
	}
	admin := s.redis.Client()
	return s.rest(ctx, workers, []trouble{
		noTrouble,
		{"redis killed", func() error { return s.redis.Restart(ctx) }},
		{"redis stopped", func() error { return s.stopRedis(ctx, 2*s.Lease) }},
		{"redis away", func() error { return s.without(ctx, 5*time.Second) }},
		{"connections cut", func() error { return admin.ClientKillByFilter(ctx, "TYPE", "normal", "SKIPME", "yes").Err() }},
		{"scripts flushed", func() error { return admin.ScriptFlush(ctx).Err() }},
		{"worker killed", func() (err error) {
			if err := workers[1].Kill(); err != nil {
				return err
			}
			workers[1], err = s.Worker(load.WorkerConfig{})
			return err
		}},
		{"memory full", func() error { return s.fullFor(ctx, 2*time.Second) }},
	})
}

// restAfterSilence leaves connections open and lets nothing through.
func restAfterSilence(ctx context.Context, r *Run) (err error) {
	s, proxy, err := openBehindProxy(ctx, r)
	if err != nil {
		return err
	}
	defer proxy.Close()
	defer func() { err = errors.Join(err, s.Close()) }()
	workers, err := s.workers(2, load.WorkerConfig{})
	if err != nil {
		return err
	}
	return s.rest(ctx, workers, []trouble{
		noTrouble,
		{"half-open", func() error { return s.harmFor(ctx, proxy, proxy.HalfOpen, 5*time.Second) }},
	})
}

// rest counts what workers hold after each trouble, and requires that it is what they held after the first.
func (s *stage) rest(ctx context.Context, workers []*load.Process, troubles []trouble) error {
	var before counted
	for n, t := range troubles {
		if err := s.loadWhile(ctx, uint32(n), t.harm); err != nil {
			return fmt.Errorf("%s: %w", t.name, err)
		}
		after, err := s.settle(ctx, workers, before)
		if err != nil {
			return fmt.Errorf("%s: %w", t.name, err)
		}
		if n == 0 {
			before = after
		}
		s.run.Say("%s: %v", t.name, after)
		s.run.Figure("%s: %v", t.name, after)
		s.run.Require(after.near(before), "after %s: %v, before: %v", t.name, after, before)
	}
	return nil
}

// loadWhile lets jobs through while harm is done, and returns when all have ended.
func (s *stage) loadWhile(ctx context.Context, n uint32, harm func() error) error {
	const jobs = 1000
	p, err := s.Producer(load.ProducerConfig{First: n * jobs, Jobs: jobs, PerSecond: jobs})
	if err != nil {
		return err
	}
	return inTurn(func() error { return wait(ctx, 500*time.Millisecond) }, harm, p.Wait, func() error { return s.Drained(ctx) })
}

// without takes Redis away for d.
func (s *stage) without(ctx context.Context, d time.Duration) error {
	s.RedisFault()
	defer s.RedisHealed()
	return inTurn(s.redis.Kill, func() error { return wait(ctx, d) }, func() error { return s.redis.Restart(ctx) })
}

// fullFor has Redis take nothing for d, as if its memory were full. Workers drain it meanwhile.
func (s *stage) fullFor(ctx context.Context, d time.Duration) error {
	admin := s.redis.Client()
	if err := admin.ConfigSet(ctx, "maxmemory", "1mb").Err(); err != nil {
		return err
	}
	refused, err := s.awaitFull(ctx)
	if err != nil {
		return err
	}
	s.run.Require(errors.Is(refused, queue.ErrRedisFull), "a full Redis answered %v", refused)
	return inTurn(func() error { return wait(ctx, d) }, func() error { return admin.ConfigSet(ctx, "maxmemory", "0").Err() })
}

// counted is what the workers hold.
type counted struct{ goroutines, connections int }

func (c counted) String() string {
	return fmt.Sprintf("%d goroutines, %d connections", c.goroutines, c.connections)
}

// near says whether nothing has leaked and no loop has ended. Fewer connections are no loss: a pool that was
// emptied fills up again as it is used.
func (c counted) near(before counted) bool {
	gone := before.goroutines - c.goroutines
	return max(gone, -gone) <= slack && c.connections <= before.connections+slack
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

// count asks workers for their goroutines, again where one has only just started and did not hear, and
// Redis for its connections.
func (s *stage) count(ctx context.Context, workers []*load.Process) (counted, error) {
	const patience = time.Second
	var out counted
	since := history.Now()
	answers := map[uint16]int{}
	for asked := (time.Time{}); len(answers) < len(workers); {
		if time.Since(asked) > patience {
			asked = time.Now()
			for _, w := range workers {
				if err := w.Count(); err != nil {
					return out, err
				}
			}
		}
		if err := wait(ctx, 20*time.Millisecond); err != nil {
			return out, err
		}
		records, err := s.History()
		if err != nil {
			return out, err
		}
		for _, e := range records {
			if e.Type == history.Census && e.Mono > since {
				answers[e.Worker] = int(e.Aux)
			}
		}
	}
	for _, n := range answers {
		out.goroutines += n
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
