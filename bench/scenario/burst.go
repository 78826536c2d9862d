package scenario

import (
	"context"
	"errors"
	"time"

	"github.com/dueq-io/dueq/bench/system"
)

// burstSlots is the number of handlers that meet the burst: more than elsewhere, as a service that
// expects such crowds would have.
const burstSlots = 256

// burst measures how long a crowd of jobs that fall due in one millisecond takes, and whether the server stays
// open to others meanwhile.
func burst(ctx context.Context, e *Env) (m []Metric, err error) {
	n, lead := e.size(100_000, 100_000), 8*time.Second
	if e.Quick {
		lead = 3 * time.Second
	}
	sys, err := e.open(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, sys.Close()) }()
	count := newTally(n)
	many := counting(count)
	many.Concurrency = burstSlots
	stop, err := sys.Process(ctx, many)
	if err != nil {
		return nil, err
	}
	m, err = burstOf(ctx, e, sys, n, lead, count)
	return m, errors.Join(err, stop())
}

func burstOf(
	ctx context.Context, e *Env, sys system.System, n int, lead time.Duration, count *tally,
) ([]Metric, error) {
	due := time.Now().Add(e.lead(lead)).Truncate(time.Millisecond)
	job := dueAt(due, payloadBytes)
	if err := preload(ctx, sys, n, func(int) system.Job { return job }); err != nil {
		return nil, err
	}
	// The pinger needs a moment to start; before the due time there is nothing for it to see.
	const settle = 500 * time.Millisecond
	wait := time.Until(due) - settle
	if wait < 0 {
		return nil, errors.New("the machine is too busy: the jobs were due before all were enqueued")
	}
	if err := pause(ctx, wait); err != nil {
		return nil, err
	}
	pinger, err := startPinger(ctx, e.Server.Addr)
	if err != nil {
		return nil, err
	}
	settleErr := count.settled(ctx, sys)
	took := time.Since(due)
	longest, err := pinger.stop()
	if err := errors.Join(settleErr, err); err != nil {
		return nil, err
	}
	return []Metric{
		{Name: "burst", Value: took.Seconds(), Unit: "s"},
		{Name: "burst_ping_max", Value: float64(longest.Nanoseconds()) / 1e6, Unit: "ms", worst: true},
	}, nil
}

// lead is how long before the due time the enqueueing starts: a system with a bulk call needs less of it.
func (e *Env) lead(longest time.Duration) time.Duration {
	if e.System == system.Dueq {
		return longest / 2
	}
	return longest
}
