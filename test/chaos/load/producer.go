package load

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/dueq-io/dueq/queue"
	"github.com/dueq-io/dueq/test/chaos/history"
)

const (
	// ConfirmWithin is how long an enqueue waits for replicas where ProducerConfig.Replicas is set.
	ConfirmWithin = time.Second
	retryPause    = 50 * time.Millisecond
)

func (s *settings) produce(ctx context.Context, client *queue.Client, seen *history.Writer) error {
	cfg := s.Producer.withDefaults()
	begin := time.Now()
	var next atomic.Uint32
	group, ctx := errgroup.WithContext(ctx)
	for range cfg.Goroutines {
		group.Go(func() error {
			for ctx.Err() == nil {
				n := next.Add(1) - 1
				if n >= cfg.Jobs {
					return nil
				}
				if cfg.PerSecond > 0 && !waitUntil(ctx, begin.Add(time.Duration(n)*time.Second/time.Duration(cfg.PerSecond))) {
					return nil
				}
				s.enqueue(ctx, client, seen, cfg, n)
			}
			return nil
		})
	}
	return group.Wait()
}

// enqueue hands one job in as a careful application does: again under the same ID, until the answer is
// nil or a refusal that no repetition would change.
func (s *settings) enqueue(ctx context.Context, client *queue.Client, seen *history.Writer, cfg ProducerConfig, n uint32) {
	seq := cfg.First + n
	job := queue.Job{
		Queue: s.Queue, Kind: cfg.Kind, ID: idOf(seq), Payload: payloadOf(seq, cfg.Payload),
		Due: cfg.Due, Expires: cfg.Expires, Retain: cfg.Retain,
	}
	if cfg.Due.IsZero() {
		job.Delay = cfg.Delay * time.Duration(n%delaySteps) / delaySteps
	}
	ahead := job.Delay
	if !job.Due.IsZero() {
		ahead = max(time.Until(job.Due.Add(s.Clock)), 0)
	}
	seen.Add(history.Record{Type: history.EnqueueInvoked, Seq: seq, Aux: int32(ahead.Milliseconds())})
	for {
		_, err := client.Enqueue(ctx, job)
		switch {
		case err == nil:
			seen.Add(history.Record{Type: history.EnqueueOK, Seq: seq})
			return
		case refused(err):
			seen.Add(history.Record{Type: history.EnqueueFailed, Seq: seq})
			return
		}
		seen.Add(history.Record{Type: history.EnqueueError, Seq: seq})
		if !pause(ctx) {
			seen.Add(history.Record{Type: history.EnqueueUnknown, Seq: seq})
			return
		}
	}
}

// delaySteps spreads the delays of consecutive jobs.
const delaySteps = 97

// refused says whether the answer would be the same again.
func refused(err error) bool {
	for _, definite := range []error{queue.ErrInvalid, queue.ErrTooLarge, queue.ErrConflict, queue.ErrDuplicate, queue.ErrIntakeClosed} {
		if errors.Is(err, definite) {
			return true
		}
	}
	return false
}

// pause waits before a repetition, and says false when ctx has ended.
func pause(ctx context.Context) bool { return waitUntil(ctx, time.Now().Add(retryPause)) }

func waitUntil(ctx context.Context, at time.Time) bool {
	timer := time.NewTimer(time.Until(at))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
