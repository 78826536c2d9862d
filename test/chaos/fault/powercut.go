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

var powerCut = Row{
	Name:  "power-cut",
	Bar:   "AOF everysec: nothing lost but what was confirmed in the 2 s before a cut, the rest conserved",
	Break: cutPower,
}

// syncWindow is the most that everysec may leave unsynced, in seconds: in small it is that of a machine which
// is busy with other rows and syncs late, which is Redis's affair and no loss of ours.
const syncWindow, busySyncWindow = 2, 5

// cut is when a power cut began, and when it was over: what was confirmed by then, was so before it.
type cut struct{ from, to int64 }

func cutPower(ctx context.Context, r *Run) (err error) {
	jobs, cuts := r.Size(12_000, 200_000), r.Size(3, 10)
	s, err := open(ctx, r, node.Config{AOF: node.Everysec, Shim: true})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if _, err := s.workers(2, load.WorkerConfig{Concurrency: 32}); err != nil {
		return err
	}
	producer, err := s.Producer(load.ProducerConfig{Jobs: uint32(jobs), Delay: 3 * time.Second, PerSecond: r.Size(1000, 2500)})
	if err != nil {
		return err
	}
	if err := s.seen(ctx, history.Started, 1); err != nil {
		return err
	}
	var bytes int64
	var dark []cut
	for range cuts {
		if err := wait(ctx, r.Between(1500*time.Millisecond, 4*time.Second)); err != nil {
			return err
		}
		s.RedisFault()
		began := history.Now()
		taken, err := s.redis.PowerCut()
		if err != nil {
			return err
		}
		bytes, dark = bytes+taken, append(dark, cut{began, history.Now()})
		if err := s.redis.Restart(ctx); err != nil {
			return err
		}
		s.RedisHealed()
	}
	report, err := s.judge(ctx, checker.Options{MayLoseWrites: true}, producer)
	if err != nil {
		return err
	}
	records, err := s.History()
	if err != nil {
		return err
	}
	allowed := time.Duration(r.Size(busySyncWindow, syncWindow)) * time.Second
	early, window := lostBefore(records, report.Lost, dark, allowed)
	r.Figure("%d jobs, %d cuts of %d bytes, %d lost, the oldest confirmed %v before its cut", report.Enqueued, cuts,
		bytes, len(report.Lost), window.Round(time.Millisecond))
	r.Show(bytes > 0, "no cut took a byte")
	r.Require(early == 0, "%d lost jobs were confirmed more than %v before a cut", early, allowed)
	report.Lost = nil // judged above, by when they were confirmed
	r.Require(!report.Bad(), "the checker found what must never be: see the table of the run")
	r.Require(report.Left == 0, "%d jobs were left in the queue", report.Left)
	return nil
}

// lostBefore counts the lost jobs that were confirmed too long before the next cut, and returns the
// longest such time.
func lostBefore(records []history.Record, lost []uint32, cuts []cut, allowed time.Duration) (early int, window time.Duration) {
	missing := map[uint32]bool{}
	for _, seq := range lost {
		missing[seq] = true
	}
	for _, e := range records {
		if e.Type != history.EnqueueOK || !missing[e.Seq] {
			continue
		}
		before := time.Duration(1<<63 - 1) // a job lost without a cut after it
		for _, cut := range cuts {
			if cut.to >= e.Mono {
				before = min(before, max(history.Since(e.Mono, cut.from), 0))
			}
		}
		window = max(window, before)
		if before > allowed {
			early++
		}
	}
	return early, window
}
