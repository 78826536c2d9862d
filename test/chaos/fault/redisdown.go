package fault

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/dueq-io/dueq/test/chaos/history"
	"github.com/dueq-io/dueq/test/chaos/load"
	"github.com/dueq-io/dueq/test/chaos/node"
)

const (
	idleShare  = 0.05            // of a core, at most, by a worker whose Redis is away
	goOnWithin = 2 * time.Second // of Redis's return
	// afterwards is how long a return is watched: all workers have to be back by then.
	afterwards = 5 * time.Second
)

var redisDown = Row{
	Share: Quiet,
	Name:  "redis-down",
	Bar:   "Redis away: each process takes < 5 % of a core, logs <= 1 line a second; work goes on <= 2 s after",
	Break: downRedis,
}

func downRedis(ctx context.Context, r *Run) error {
	const perSecond = 50
	times, away := r.Size(1, 3), time.Duration(r.Size(8, 60))*time.Second
	each := 3*time.Second + away + afterwards
	var worst outage
	report, err := r.under(ctx, scene{
		redis: node.Config{AOF: node.Always}, workers: 4,
		// Idle as good as ever: each run that cannot be settled is a line of its own in the log.
		worker:   load.WorkerConfig{Concurrency: 2},
		producer: load.ProducerConfig{Jobs: uint32(times * int(each.Seconds()) * perSecond), PerSecond: perSecond},
	}, func(s *stage, workers []*load.Process) error {
		for n := range times {
			out, err := s.outage(ctx, away, workers)
			if err != nil {
				return err
			}
			r.Say("outage %d of %d: %v", n+1, times, out)
			worst.add(out)
		}
		return nil
	})
	if err != nil {
		return err
	}
	r.Figure("%d outages of %v: %v", times, away, worst)
	r.Show(report.Retried > 0, "no producer felt an outage")
	r.Timely(worst.share < idleShare, "a process took %.1f %% of a core", 100*worst.share)
	r.Timely(len(worst.peak) <= 1, "a process logged %d lines within one second, %d in %v: %s", len(worst.peak), worst.lines, away, strings.Join(worst.peak, ""))
	r.Timely(worst.all <= goOnWithin, "a worker started its first job %v after Redis's return", worst.all)
	return nil
}

// outage is what a fleet made of a time without Redis.
type outage struct {
	share float64  // of a core that the busiest process took
	lines int      // that the most talkative process logged
	peak  []string // those within one second
	// first is how long after Redis's return a job started, all when every worker had started one.
	first, all time.Duration
}

func (o outage) String() string {
	return fmt.Sprintf("%.1f %% of a core, %d lines, at most %d in a second, first job after %v, all workers after %v",
		100*o.share, o.lines, len(o.peak), o.first.Round(time.Millisecond), o.all.Round(time.Millisecond))
}

// add keeps the worst of both.
func (o *outage) add(other outage) {
	o.share = max(o.share, other.share)
	o.lines = max(o.lines, other.lines)
	if len(other.peak) > len(o.peak) {
		o.peak = other.peak
	}
	o.first, o.all = max(o.first, other.first), max(o.all, other.all)
}

// outage takes Redis away and watches all processes until they have come back.
func (s *stage) outage(ctx context.Context, away time.Duration, workers []*load.Process) (out outage, err error) {
	if err := wait(ctx, s.run.Between(2*time.Second, 3*time.Second)); err != nil {
		return out, err
	}
	all := s.Processes()
	s.RedisFault()
	if err := s.redis.Kill(); err != nil {
		return out, err
	}
	gone := history.Now()
	if out, err = idle(ctx, all, away); err != nil {
		return out, err
	}
	if err := s.redis.Restart(ctx); err != nil {
		return out, err
	}
	back := history.Now()
	s.RedisHealed()
	if err := wait(ctx, afterwards); err != nil {
		return out, err
	}
	records, err := s.History()
	if err != nil {
		return out, err
	}
	out.first, out.all = returns(records, workers, gone+int64(away)/2, back)
	return out, nil
}

// idle watches processes for a while: what they take of a core, and what they log.
func idle(ctx context.Context, all []*load.Process, d time.Duration) (out outage, err error) {
	const every, second = 100 * time.Millisecond, 10
	began, before := time.Now(), make([]time.Duration, len(all))
	logs := make([][]int, len(all)) // how many lines each log had, at each look
	for i, p := range all {
		if before[i], err = p.CPU(); err != nil {
			return out, err
		}
	}
	for n := 0; ; n++ {
		for i, p := range all {
			log, err := p.Lines()
			if err != nil {
				return out, err
			}
			logs[i] = append(logs[i], len(log))
			out.lines = max(out.lines, len(log)-logs[i][0])
			if last := log[logs[i][max(0, n-second)]:]; len(last) > len(out.peak) {
				out.peak = last
			}
		}
		if time.Since(began) >= d {
			break
		}
		if err := wait(ctx, every); err != nil {
			return out, err
		}
	}
	took := time.Since(began)
	for i, p := range all {
		after, err := p.CPU()
		if err != nil {
			return out, err
		}
		out.share = max(out.share, float64(after-before[i])/float64(took))
	}
	return out, nil
}

// returns is how long after Redis was back a job started, and when every worker had started one. Redis may
// answer to a worker before it does to the harness: what started from since on counts.
func returns(records []history.Record, workers []*load.Process, since, back int64) (first, all time.Duration) {
	starts := map[uint16]int64{}
	for _, e := range records {
		if at := starts[e.Worker]; e.Type == history.Started && e.Mono >= since && (at == 0 || e.Mono < at) {
			starts[e.Worker] = e.Mono
		}
	}
	first, all = time.Hour, 0 // what never comes back is no better
	for _, w := range workers {
		took := time.Hour
		if at := starts[w.Number]; at != 0 {
			took = max(0, history.Since(back, at))
		}
		first, all = min(first, took), max(all, took)
	}
	return first, all
}
