package fault

import (
	"context"
	"time"

	"github.com/dueq-io/dueq/test/chaos/history"
	"github.com/dueq-io/dueq/test/chaos/load"
)

// wakeWithin is how soon a handler must know that its lease was lost while its process stood still.
const wakeWithin = 200 * time.Millisecond

var workerStop = Row{
	Share: Quiet,
	Name:  "worker-sigstop",
	Bar:   "stopped 3 leases long: every late ack refused, contexts ended within 200 ms of waking",
	Break: stopWorkers,
}

func stopWorkers(ctx context.Context, r *Run) error {
	rounds, together := r.Size(1, 20), r.Size(4, 10)
	var late []time.Duration
	missed := 0
	report, err := r.under(ctx, scene{
		workers:  2 + together,
		worker:   load.WorkerConfig{Concurrency: 4, RunFor: 10 * time.Second, Stubborn: 2 * wakeWithin},
		producer: load.ProducerConfig{Jobs: uint32(r.Size(60, 700)), PerSecond: r.Size(60, 5)},
	}, func(s *stage, workers []*load.Process) error {
		for n := range rounds {
			if err := wait(ctx, r.Between(1500*time.Millisecond, 2500*time.Millisecond)); err != nil {
				return err
			}
			woken, err := s.stopTogether(ctx, workers[2:], 3*s.Lease)
			if err != nil {
				return err
			}
			records, err := s.History()
			if err != nil {
				return err
			}
			slow, none := endings(records, woken)
			late, missed = append(late, slow...), missed+none
			r.Say("round %d of %d: %d contexts ended", n+1, rounds, len(slow))
		}
		return nil
	})
	if err != nil {
		return err
	}
	var slowest time.Duration
	for _, d := range late {
		slowest = max(slowest, d)
	}
	r.Figure("%d stops, %d contexts ended within %v, %d never, %d late acks refused", rounds*together, len(late),
		slowest.Round(time.Millisecond), missed, report.AckRefused)
	r.Show(len(late) > 0 && report.AckRefused > 0, "no run outlived its lease")
	r.Timely(missed == 0 && slowest <= wakeWithin, "%d contexts went on, the slowest ended after %v", missed, slowest)
	r.Require(report.AckRefused >= report.LateAcks, "%d late acks, but only %d refused", report.LateAcks, report.AckRefused)
	return nil
}

// stopTogether stops workers at once for d, and gives those that woke time to notice. It returns when
// each woke.
func (s *stage) stopTogether(ctx context.Context, workers []*load.Process, d time.Duration) (map[uint16]int64, error) {
	for _, w := range workers {
		if err := w.Pause(); err != nil {
			return nil, err
		}
	}
	failed := wait(ctx, d)
	woken := map[uint16]int64{}
	for _, w := range workers {
		at, err := w.Resume()
		if err != nil {
			return nil, err
		}
		woken[w.Number] = at
	}
	if failed != nil {
		return nil, failed
	}
	return woken, wait(ctx, 2*wakeWithin)
}

// endings is how long after waking the contexts ended of runs that were under way, and how many did not
// though the run went on for longer than it may.
func endings(records []history.Record, woken map[uint16]int64) (late []time.Duration, missed int) {
	over := map[int64]int64{} // token -> when its context or its handler ended
	for _, e := range records {
		wake, ok := woken[e.Worker]
		switch e.Type {
		case history.ContextEnded:
			if ok && e.Mono >= wake {
				late = append(late, history.Since(wake, e.Mono))
			}
			over[e.Token] = e.Mono
		case history.EndedOK, history.EndedError:
			over[e.Token] = e.Mono
		default: // says nothing of the end of a run
		}
	}
	for _, e := range records {
		wake, ok := woken[e.Worker]
		if ok && e.Type == history.Started && e.Mono < wake && over[e.Token] == 0 {
			missed++
		}
	}
	return late, missed
}
