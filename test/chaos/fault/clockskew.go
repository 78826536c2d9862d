package fault

import (
	"context"
	"errors"
	"os"
	"slices"
	"time"

	"github.com/dueq-io/dueq/test/chaos/checker"
	"github.com/dueq-io/dueq/test/chaos/history"
	"github.com/dueq-io/dueq/test/chaos/load"
	"github.com/dueq-io/dueq/test/chaos/mutant"
	"github.com/dueq-io/dueq/test/chaos/node"
)

// skew is how far the clocks of producers, workers and schedulers are off, in both directions.
const skew = 5 * time.Minute

var clockSkew = Row{
	Share: Quiet,
	Name:  "clock-skew",
	Bar:   "producers, workers and schedulers 5 min ahead and 5 min behind: no effect: 0 lost, 0 early, p99 <= 1 s late, re-run within lease + 1 s",
	Break: skewClocks,
}

func skewClocks(ctx context.Context, r *Run) (err error) {
	dir, err := os.MkdirTemp("", "dueq-clock-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	s, err := open(ctx, r, node.Config{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if s.Binary, err = r.settable(ctx, dir); err != nil {
		return err
	}
	// Both clocks in each role: quick jobs whose worker is killed, and jobs that run for two leases.
	var quick, slow []*load.Process
	for _, clock := range []time.Duration{skew, -skew} {
		more, err := s.workers(2, load.WorkerConfig{RunFor: 20 * time.Millisecond, Clock: clock})
		if err != nil {
			return err
		}
		quick = append(quick, more...)
		if more, err = s.workers(1, load.WorkerConfig{Concurrency: 4, AtLeast: 2 * lease, Schedulers: -1, Clock: clock}); err != nil {
			return err
		}
		slow = append(slow, more...)
	}
	producers, jobs, err := s.skewedProducers()
	if err != nil {
		return err
	}
	if err := s.seen(ctx, history.Started, 1); err != nil {
		return err
	}
	stops := 0
	for n := range r.Size(2, 10) {
		if err := wait(ctx, r.Between(2*time.Second, 4*time.Second)); err != nil {
			return err
		}
		clock := skew - 2*skew*time.Duration(n%2)
		i := 2*(n%2) + n/2%2
		if err := quick[i].Kill(); err != nil {
			return err
		}
		if quick[i], err = s.Worker(load.WorkerConfig{RunFor: 20 * time.Millisecond, Clock: clock}); err != nil {
			return err
		}
		// One that stood still for too long is refused whatever its clock says.
		woken, err := s.stopTogether(ctx, slow[n%2:n%2+1], 3*s.Lease)
		if err != nil {
			return err
		}
		stops += len(woken)
	}
	report, err := s.judge(ctx, checker.Options{}, producers...)
	if err != nil {
		return err
	}
	return s.judgeSkew(report, jobs, stops)
}

// settable is a program whose clock can be set, in a directory of its own: the row's mutant where it has one.
func (r *Run) settable(ctx context.Context, dir string) (string, error) {
	if r.Binary != "" {
		return r.Binary, nil
	}
	return mutant.Sound.Build(ctx, dir)
}

// skewedProducers enqueue with delays, and for one moment of the true time; nothing may expire by a
// clock that is off.
func (s *stage) skewedProducers() (all []*load.Process, jobs int, err error) {
	each, rate := s.run.Size(1500, 12_000), 150
	now := time.Now()
	for _, cfg := range []load.ProducerConfig{
		{Clock: skew, Delay: 5 * time.Second},
		{Clock: -skew, Delay: 5 * time.Second},
		{Clock: skew, Due: now.Add(12 * time.Second)},
		{Clock: -skew, Due: now.Add(12 * time.Second)},
	} {
		cfg.First, cfg.Jobs, cfg.PerSecond = uint32(jobs), uint32(each), rate
		if !cfg.Due.IsZero() {
			cfg.Jobs = 500
		}
		cfg.Expires = now.Add(skew - time.Minute)
		p, err := s.Producer(cfg)
		if err != nil {
			return nil, 0, err
		}
		all, jobs = append(all, p), jobs+int(cfg.Jobs)
	}
	return all, jobs, nil
}

func (s *stage) judgeSkew(report *checker.Report, jobs, stops int) error {
	r := s.run
	records, err := s.History()
	if err != nil {
		return err
	}
	var late []time.Duration
	for _, f := range firsts(records) {
		late = append(late, f.late())
	}
	slices.Sort(late)
	p99, slowest := checker.Quantile(late, 0.99), checker.Quantile(report.Recovery, 1)
	r.soundly(report, jobs)
	r.Figure("late p50 %v, p99 %v, max %v; %d late acks refused at %d stops, slowest re-run %v",
		checker.Quantile(late, 0.5).Round(time.Millisecond), p99.Round(time.Millisecond),
		checker.Quantile(late, 1).Round(time.Millisecond), report.AckRefused, stops, slowest.Round(time.Millisecond))
	r.Require(report.Dead == 0, "%d jobs are dead: something went by a clock that is off", report.Dead)
	r.Timely(p99 <= time.Second, "jobs started %v late at p99", p99)
	r.Timely(report.Duplicates[checker.CauseNone] == 0, "%d jobs were run twice though their workers were well",
		report.Duplicates[checker.CauseNone])
	r.Show(len(report.Recovery) > 0 && report.AckRefused > 0, "no kill or stop met a running job")
	r.Timely(slowest <= s.Lease+time.Second, "a killed run was repeated only after %v", slowest)
	return nil
}
