package scheduler

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/dueq-io/dueq/queue"
)

// maxPause is short, since work is to go on within 2 s of Redis's return, of which go-redis may take one
// until it looks for the server again.
const (
	firstPause = 50 * time.Millisecond
	maxPause   = 700 * time.Millisecond
	logEvery   = time.Second
)

// backoff is the pause after failed calls, doubled from one to the next, and a limit of one log line a
// second.
type backoff struct {
	pause  time.Duration
	logged time.Time
}

// failed notes a failed call of a loop, logs it unless that was just done, and returns how long to wait.
func (s *Scheduler) failed(b *backoff, what string, err error, attrs ...any) time.Duration {
	b.pause = min(max(2*b.pause, firstPause), maxPause)
	if time.Since(b.logged) >= logEvery && (!away(err) || s.broker.OutageDue()) {
		b.logged = time.Now()
		s.cfg.Logger.Warn(what, append(attrs, "error", err)...)
	}
	return spread(b.pause)
}

func (b *backoff) reset() { b.pause = 0 }

// away says whether an error is that Redis could not be reached, or did not answer.
func away(err error) bool {
	return errors.Is(err, queue.ErrUnavailable) || errors.Is(err, queue.ErrUnknown)
}

// spread is a random time from three quarters of d to d, so that processes do not move in step.
func spread(d time.Duration) time.Duration { return d - rand.N(d/4+1) }

func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
