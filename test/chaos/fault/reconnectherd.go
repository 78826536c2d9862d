package fault

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/dueq-io/dueq/test/chaos/load"
	"github.com/dueq-io/dueq/test/chaos/node"
)

const (
	// glance is how often Redis is asked what came in.
	glance = 100 * time.Millisecond
	// herdShare is the part of all connections that may come within one glance: all at once is a herd, and
	// evenly over the second of the longest pause would be a tenth.
	herdShare = 0.5
	// herdCommands is how many commands a client may send in the busiest second of its return. Connecting
	// takes three, a script that has to be sent again some more, and those that a script makes count too.
	herdCommands = 20
)

// Clients are to come back soon and not together. Both have a price: spread over more than 2 s, some would
// go on later than goOnWithin; and a client that connects sends more than one that waits for jobs, which is
// two commands a second.
var reconnectHerd = Row{
	Name:  "reconnect-herd",
	Bar:   "95 % of clients back <= 2 s after Redis, < half of the connects in 100 ms, <= 20 commands each in a second",
	Break: stampede,
}

func stampede(ctx context.Context, r *Run) (err error) {
	const processes = 4
	clients, away := r.Size(60, 200), time.Duration(r.Size(5, 30))*time.Second
	s, err := open(ctx, r, node.Config{AOF: node.Always})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	herd := load.WorkerConfig{Clients: clients / processes, Schedulers: -1}
	if _, err := s.workers(processes, herd); err != nil {
		return err
	}
	if err := s.gathered(ctx, clients); err != nil {
		return err
	}
	idle, err := s.glances(ctx, 3*time.Second)
	if err != nil {
		return err
	}
	err = inTurn(s.redis.Kill, func() error { return wait(ctx, away) }, func() error { return s.redis.Restart(ctx) })
	if err != nil {
		return err
	}
	back, err := s.glances(ctx, afterwards)
	if err != nil {
		return err
	}
	r.judgeHerd(clients, idle, back)
	return nil
}

// gathered returns when all clients wait for jobs.
func (s *stage) gathered(ctx context.Context, clients int) error {
	ctx, cancel := context.WithTimeout(ctx, drainWithin)
	defer cancel()
	for {
		now, err := s.traffic(ctx)
		if err != nil || now.waiting == clients {
			return err
		}
		if err := wait(ctx, glance); err != nil {
			return fmt.Errorf("%d of %d clients wait for jobs: %w", now.waiting, clients, err)
		}
	}
}

// judgeHerd holds what Redis saw of its clients' return against the bar.
func (r *Run) judgeHerd(clients int, idle, back []traffic) {
	connects := back[len(back)-1].connects // the server counts from its start
	share := float64(busiest(back, glance, func(t traffic) int { return t.connects })) / float64(max(connects, 1))
	commands := func(t traffic) int { return t.commands }
	rate, before := busiest(back, time.Second, commands), busiest(idle, time.Second, commands)
	half := firstGlance(back, func(t traffic) bool { return t.connects >= connects/2 })
	most := firstGlance(back, func(t traffic) bool { return t.waiting >= clients*95/100 })
	all := firstGlance(back, func(t traffic) bool { return t.waiting == clients })
	r.Figure("%d clients, %d connects, half of them after %v, 95 %% of clients back after %v, all after %v, %.0f %% of connects in 100 ms",
		clients, connects, half, most, all, 100*share)
	r.Figure("%d commands in the busiest second (idle: %d)", rate, before)
	r.Show(connects >= clients, "%d clients connected %d times", clients, connects)
	r.Timely(most <= goOnWithin, "95 %% of the clients were back only after %v", most)
	r.Timely(share < herdShare, "%.0f %% of all connects came within %v", 100*share, glance)
	r.Timely(rate <= herdCommands*clients, "%d commands in one second by %d clients", rate, clients)
}

// traffic is what Redis says of its clients, the counts since it started.
type traffic struct {
	at                          time.Duration
	connects, commands, waiting int
}

// glances looks at the traffic for a while.
func (s *stage) glances(ctx context.Context, d time.Duration) (all []traffic, err error) {
	began := time.Now()
	every := time.NewTicker(glance)
	defer every.Stop()
	for time.Since(began) < d {
		now, err := s.traffic(ctx)
		if err != nil {
			return nil, err
		}
		now.at = time.Since(began).Round(time.Millisecond)
		all = append(all, now)
		select {
		case <-every.C:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
	return all, nil
}

func (s *stage) traffic(ctx context.Context) (now traffic, err error) {
	info, err := s.redis.Client().Info(ctx, "stats", "clients").Result()
	if err != nil {
		return now, err
	}
	for field, n := range map[string]*int{
		"total_connections_received": &now.connects, "total_commands_processed": &now.commands, "blocked_clients": &now.waiting,
	} {
		if *n, err = infoNumber(info, field); err != nil {
			return now, err
		}
	}
	return now, nil
}

// firstGlance is when something was first seen to be so; what never was, was after an hour.
func firstGlance(all []traffic, is func(traffic) bool) time.Duration {
	for _, t := range all {
		if is(t) {
			return t.at
		}
	}
	return time.Hour
}

// busiest is the most of a count that came within a time.
func busiest(all []traffic, within time.Duration, count func(traffic) int) (most int) {
	from := 0
	for to := range all {
		// A glance that came late covers more than its time.
		for all[to].at-all[from].at > within+glance/2 && from < to-1 {
			from++
		}
		most = max(most, count(all[to])-count(all[from]))
	}
	return most
}
