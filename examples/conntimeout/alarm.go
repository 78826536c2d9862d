package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/dueq-io/dueq/queue"
	"github.com/dueq-io/dueq/worker"
)

const (
	alarmKind = "conn.close"
	// postponeEach is the part of the idle time in which an alarm is moved at most once.
	postponeEach = 60
)

// setAlarm enqueues the job that will close a connection. Replace makes it right whatever became of
// an earlier one of this ID. Retain -1: done is done, nobody asks for the job again.
func (s *server) setAlarm(ctx context.Context, c *conn) error {
	c.postponed = time.Now()
	c.hear(c.postponed)
	_, err := s.client.Enqueue(ctx, queue.Job{
		Queue: s.queue, Kind: alarmKind, ID: c.id, IfExists: queue.Replace, Delay: s.idle, Retain: -1,
	})
	return err
}

// postpone notes that data came and moves the alarm. It is false when the alarm was first.
//
// A burst is many reads, and moving the alarm for each would be a call to Redis each, to say almost the
// same thing. It is enough to move it once in a sixtieth of the idle time, which is 15 s of 15 min: an
// alarm that goes off up to that much too early asks the connection, and snoozes for the rest.
func (s *server) postpone(ctx context.Context, c *conn) bool {
	now := time.Now()
	if !c.hear(now) {
		return false
	}
	if now.Sub(c.postponed) < s.idle/postponeEach {
		return true
	}
	c.postponed = now
	err := s.client.Reschedule(ctx, s.queue, c.id, s.idle)
	switch {
	case errors.Is(err, queue.ErrAlreadyDue), errors.Is(err, queue.ErrRunning):
		// The alarm goes off at this very moment. Its handler will see what we have just heard.
		return true
	case errors.Is(err, queue.ErrNotFound), errors.Is(err, queue.ErrEnded):
		// Somebody cancelled the alarm, or Redis came back without it. A connection that stays idle is
		// not helped by this: how much Redis may forget is what its persistence decides.
		err = s.setAlarm(ctx, c)
	}
	if err != nil && ctx.Err() == nil {
		// The alarm goes off too early then, and its handler snoozes.
		s.logger.WarnContext(ctx, "postpone the alarm", slog.String("id", c.id), slog.Any("error", err))
	}
	return true
}

// cancelAlarm is called when a connection was closed, so at the latest when the server stops: its ctx
// may have ended.
func (s *server) cancelAlarm(ctx context.Context, c *conn) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	err := s.client.Cancel(ctx, s.queue, c.id)
	switch {
	case err == nil:
	case errors.Is(err, queue.ErrRunning), errors.Is(err, queue.ErrNotFound), errors.Is(err, queue.ErrEnded):
		// It went off at this moment, and found nothing to close.
	default:
		s.logger.WarnContext(ctx, "cancel the alarm", slog.String("id", c.id), slog.Any("error", err))
	}
}

// closeIdle is the handler of the alarm.
func (s *server) closeIdle(ctx context.Context, d *queue.Delivery) error {
	c := s.find(d.ID)
	if c == nil {
		return nil // closed meanwhile, or a connection of the process before this one
	}
	if left := c.expire(time.Now(), s.idle); left > 0 {
		return worker.Snooze(left) // data came since the alarm was set; this is no failure
	}
	s.logger.InfoContext(ctx, "closed, was idle", slog.String("id", c.id))
	defer c.Close()
	if err := c.write(fmt.Appendf(nil, "idle for %v: closed\n", s.idle)); err != nil {
		s.logger.DebugContext(ctx, "say goodbye", slog.Any("error", err))
	}
	return nil
}
