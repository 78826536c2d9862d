package worker

import (
	"errors"
	"fmt"
	"time"
)

var (
	// ErrShutdown is the cause of a handler's context when the worker stops and the grace time is
	// over. The job is released, nothing counted, if the handler returns an error then.
	ErrShutdown = errors.New("worker is shutting down")
	// ErrMaxRuntime is the cause of a handler's context when it has run for Config.MaxRuntime.
	ErrMaxRuntime = errors.New("handler ran for too long")
	// ErrUnfinished is returned by Run when handlers had not returned at the end of the shutdown.
	ErrUnfinished = errors.New("handlers did not return in time")
)

// RetryIn returns an error that counts as a failure and has the job retried after delay, whatever the
// backoff says. err may be nil.
func RetryIn(delay time.Duration, err error) error {
	if err == nil {
		err = errors.New("asked to be retried")
	}
	return &retryInError{delay: delay, err: err}
}

// Snooze returns an error that has the job run again after delay with nothing counted against it.
func Snooze(delay time.Duration) error { return &snoozeError{delay: delay} }

// Dead returns an error that makes the job dead at once, for what no retry can mend. err may be nil.
func Dead(err error) error {
	if err == nil {
		err = errors.New("rejected by its handler")
	}
	return &deadError{err: err}
}

// PanicError is the failure of a handler that panicked.
type PanicError struct {
	// Value is what was passed to panic, Stack the goroutine's stack at that point.
	Value any
	Stack []byte
}

// Error gives the value and the stack.
func (e *PanicError) Error() string { return fmt.Sprintf("panic: %v\n%s", e.Value, e.Stack) }

// Unwrap returns the value if it was an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// RetryDelay, SnoozeDelay and Rejected tell these errors apart for those who cannot import this package:
// queue/queuetest looks for the methods.

type retryInError struct {
	delay time.Duration
	err   error
}

func (e *retryInError) Error() string             { return e.err.Error() }
func (e *retryInError) Unwrap() error             { return e.err }
func (e *retryInError) RetryDelay() time.Duration { return e.delay }

type snoozeError struct{ delay time.Duration }

func (e *snoozeError) Error() string              { return fmt.Sprintf("snoozed for %v", e.delay) }
func (e *snoozeError) SnoozeDelay() time.Duration { return e.delay }

type deadError struct{ err error }

func (e *deadError) Error() string  { return e.err.Error() }
func (e *deadError) Unwrap() error  { return e.err }
func (e *deadError) Rejected() bool { return true }
