package fault

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dueq-io/dueq/queue"
	"github.com/dueq-io/dueq/test/chaos/load"
)

// move measures what one call of a mover takes of Redis's time: with nothing due, with some jobs, and
// with as many as a call moves.
func (m *many) move(ctx context.Context) error {
	for _, trial := range []struct {
		due, calls int
		bar        bool // a full call is measured, to be known
	}{{0, 200, true}, {20, 100, true}, {500, 10, false}} {
		var means, most []time.Duration
		for range rounds {
			took := make([]time.Duration, trial.calls)
			sum := time.Duration(0)
			for i := range took {
				var err error
				if took[i], err = m.promote(ctx, trial.due); err != nil {
					return err
				}
				sum += took[i]
			}
			means, most = append(means, sum/time.Duration(trial.calls)), append(most, slices.Max(took))
		}
		mean, longest := median(means), median(most)
		m.run.Figure("a mover's call with %d due %v, at most %v", trial.due, mean, longest)
		m.run.Timely(!trial.bar || longest <= promoteMost, "a mover's call with %d due took %v", trial.due, longest)
	}
	return nil
}

// promote makes due jobs ready by one call and says how long that took Redis.
func (m *many) promote(ctx context.Context, due int) (time.Duration, error) {
	if due > 0 {
		jobs := slices.Repeat([]queue.Job{{Queue: m.Queue, Kind: load.KindWork, Payload: make([]byte, 100), Delay: time.Millisecond}}, due)
		if _, err := m.client.EnqueueMany(ctx, jobs); err != nil {
			return 0, err
		}
		if err := wait(ctx, 3*time.Millisecond); err != nil {
			return 0, err
		}
	}
	rdb := m.redis.Client()
	if err := rdb.ConfigResetStat(ctx).Err(); err != nil {
		return 0, err
	}
	p, err := m.client.Broker().Promote(ctx, m.Queue, max(due, 1))
	if err != nil {
		return 0, err
	}
	if p.Moved != due {
		return 0, fmt.Errorf("%d jobs were promoted where %d were due", p.Moved, due)
	}
	stats := rdb.InfoMap(ctx, "commandstats").Val()["Commandstats"]["cmdstat_evalsha"]
	calls, usec := 0, 0
	if _, err := fmt.Sscanf(strings.ReplaceAll(stats, ",", " "), "calls=%d usec=%d", &calls, &usec); err != nil || calls != 1 {
		return 0, errors.Join(fmt.Errorf("one call of a script was counted as %q", stats), err)
	}
	return time.Duration(usec) * time.Microsecond, nil
}
