package fault

import (
	"context"
	"errors"
	"time"

	"github.com/dueq-io/dueq/test/chaos/checker"
	"github.com/dueq-io/dueq/test/chaos/history"
	"github.com/dueq-io/dueq/test/chaos/load"
	"github.com/dueq-io/dueq/test/chaos/node"
)

var clockJump = Row{
	Share: Quiet,
	Name:  "clock-jump",
	Bar:   "Redis's clock 60 s ahead and back: jobs early or late by the jump at most, what comes after it on time, no live lease ended, 0 lost",
	Break: jumpClock,
}

const (
	// promptly is how late a job may be that no jump concerns: as late as one that a worker had leased and not
	// started when it was killed.
	promptly = lease + time.Second
	// reapGrace is that of a Fleet's workers.
	reapGrace = 3 * time.Second
)

// jumper is a clock that jumps and workers that are killed beside it.
type jumper struct {
	*stage
	quick  []*load.Process
	cfg    load.WorkerConfig
	at     time.Duration // how far the clock is off
	killed []killing
}

// killing is a worker's end, and the last jump before it.
type killing struct {
	worker     uint16
	when, jump int64
}

func jumpClock(ctx context.Context, r *Run) (err error) {
	jump := time.Duration(r.Size(20, 60)) * time.Second
	s, err := open(ctx, r, node.Config{Shim: true})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	j := &jumper{stage: s, cfg: load.WorkerConfig{Concurrency: 256, RunFor: 250 * time.Millisecond}}
	if j.quick, err = s.workers(3, j.cfg); err != nil {
		return err
	}
	// Some jobs run across the jumps and have to keep their leases, whichever of their workers' heartbeats
	// comes before a reaper.
	if _, err = s.workers(4, load.WorkerConfig{Concurrency: 4, AtLeast: 3 * lease}); err != nil {
		return err
	}
	jumps := []time.Duration{jump, -jump, -jump, jump}[:r.Size(2, 4)]
	rate := r.Size(200, 100)
	// The jobs come for as long as the jumps go on.
	lasts := time.Duration(len(jumps)) * (4*time.Second + 2*lease + reapGrace + jump/2)
	jobs := rate * int(lasts.Seconds())
	producer, err := s.Producer(load.ProducerConfig{Jobs: uint32(jobs), PerSecond: rate, Delay: 5 * jump / 4})
	if err != nil {
		return err
	}
	if err := s.seen(ctx, history.Started, 1); err != nil {
		return err
	}
	for _, by := range jumps {
		if err := j.once(ctx, by); err != nil {
			return err
		}
	}
	report, err := s.judge(ctx, checker.Options{}, producer)
	if err != nil {
		return err
	}
	r.soundly(report, jobs)
	r.Timely(report.Duplicates[checker.CauseNone] == 0, "%d live leases were ended", report.Duplicates[checker.CauseNone])
	return j.judgeJumps(jump)
}

// once lets the clock jump, kills a worker at once and one whose leases all began after the jump, and
// waits until what the jump concerned is over.
func (j *jumper) once(ctx context.Context, by time.Duration) error {
	if err := wait(ctx, j.run.Between(3*time.Second, 5*time.Second)); err != nil {
		return err
	}
	err := j.ShiftClock(by, func() error { return j.redis.ShiftClock(j.at + by) })
	if err != nil {
		return err
	}
	j.at += by
	jumped := history.Now()
	j.run.Say("the clock jumps by %v", by)
	if err := j.kill(j.run.Rand.IntN(len(j.quick)), jumped); err != nil {
		return err
	}
	if err := wait(ctx, 2*lease); err != nil {
		return err
	}
	busiest, err := j.busiest(ctx, jumped)
	if err != nil {
		return err
	}
	if err := j.kill(busiest, jumped); err != nil {
		return err
	}
	return wait(ctx, reapGrace+max(-by, 0))
}

// busiest is the worker with most runs under way that began after a moment. It waits for one: after a jump
// back few jobs are due.
func (j *jumper) busiest(ctx context.Context, since int64) (int, error) {
	for {
		records, err := j.History()
		if err != nil {
			return 0, err
		}
		under := map[int64]uint16{} // token -> worker
		for _, e := range records {
			switch {
			case e.Type == history.Started && e.Mono > since:
				under[e.Token] = e.Worker
			case e.Type == history.EndedOK || e.Type == history.EndedError:
				delete(under, e.Token)
			}
		}
		runs := map[uint16]int{}
		for _, worker := range under {
			runs[worker]++
		}
		most := 0
		for i, w := range j.quick {
			if runs[w.Number] > runs[j.quick[most].Number] {
				most = i
			}
		}
		if runs[j.quick[most].Number] > 0 {
			return most, nil
		}
		if err := wait(ctx, 20*time.Millisecond); err != nil {
			return 0, err
		}
	}
}

// kill kills one worker and puts another in its place.
func (j *jumper) kill(i int, jumped int64) error {
	j.killed = append(j.killed, killing{j.quick[i].Number, history.Now(), jumped})
	err := j.quick[i].Kill()
	if err == nil {
		j.quick[i], err = j.Worker(j.cfg)
	}
	return err
}

// judgeJumps looks at when jobs started, and started again.
func (j *jumper) judgeJumps(jump time.Duration) error {
	records, err := j.History()
	if err != nil {
		return err
	}
	r := j.run
	clock := jumpsOf(records)
	var early, late, over, beside time.Duration // over: later than the jumps back explain; beside: where none lay between
	for _, f := range firsts(records) {
		ahead, back := clock.between(f.invoked, f.start)
		early, late, over = max(early, -f.late()), max(late, f.late()), max(over, f.late()-back)
		if ahead == 0 && back == 0 {
			beside = max(beside, f.late())
		}
	}
	var across, after time.Duration // re-runs of leases from before a jump, and from after it
	runs, young := 0, 0
	for _, k := range j.killed {
		for _, a := range rerun(records, k.worker, k.when) {
			runs++
			if took := history.Since(k.when, a.start); a.lost < k.jump {
				across = max(across, took)
			} else {
				young, after = young+1, max(after, took)
			}
		}
	}
	ms := func(d time.Duration) time.Duration { return d.Round(time.Millisecond) }
	r.Figure("started up to %v early and %v late, %v where no jump lay between; %d runs killed, again within %v across a jump, %v after one",
		ms(early), ms(late), ms(beside), runs, ms(across), ms(after))
	r.Show(early > jump/2 && late > jump/2, "no job met a jump")
	r.Show(young > 0 && young < runs, "no kill met a job that was leased before a jump, or none leased after it")
	r.Timely(over <= promptly, "a job started %v later than the jumps explain", over)
	r.Timely(across <= jump+lease+time.Second, "a killed run was repeated only after %v", across)
	r.Timely(after <= lease+reapGrace+time.Second, "a run whose lease began after a jump was repeated only after %v", after)
	return nil
}

// jumps are the moments at which Redis's clock jumped, and how far.
type jumps map[int64]time.Duration

func jumpsOf(records []history.Record) jumps {
	all := jumps{}
	for _, e := range records {
		if e.Type == history.ClockShifting {
			all[e.Mono] = time.Duration(e.Aux) * time.Millisecond
		}
	}
	return all
}

// between is how far the clock jumped ahead, and how far back, between two moments.
func (j jumps) between(from, to int64) (ahead, back time.Duration) {
	for at, by := range j {
		if from <= at && at <= to {
			ahead, back = ahead+max(by, 0), back+max(-by, 0)
		}
	}
	return ahead, back
}
