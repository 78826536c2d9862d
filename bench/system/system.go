// Package system puts the job queues that are measured behind one small interface.
package system

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"
)

// Names under which Open knows the systems.
const (
	// Dueq is this project.
	Dueq = "dueq"
	// Asynq polls as its defaults say: ready tasks each second, delayed ones each five.
	Asynq = "asynq"
	// AsynqFast is asynq polling each 10 ms for both. asynq has no lower bound on these settings, only the
	// advice that short ones load Redis; shorter than this buys nothing, as its due times are whole seconds.
	AsynqFast = "asynq_10ms"
)

// System is a job queue under measurement. One value serves one measurement and is then closed.
type System interface {
	// Enqueue stores one job and returns once the system has confirmed it. Many goroutines call it at once.
	Enqueue(ctx context.Context, job Job) error
	// EnqueueMany stores many jobs in one call. It returns errors.ErrUnsupported where the system has none.
	EnqueueMany(ctx context.Context, jobs []Job) error
	// Process starts whatever moves and runs jobs. The stop that it returns waits until that has ended.
	Process(ctx context.Context, p Processing) (stop func() error, err error)
	// Unsettled counts the queue's jobs that are ready or running: zero says that all was acknowledged.
	Unsettled(ctx context.Context, queue string) (int64, error)
	// Close lets go of connections.
	Close() error
}

// Job is what is enqueued.
type Job struct {
	Queue   string
	Payload []byte
	// Due is when the job may start, in whole milliseconds; zero means now.
	Due time.Time
}

// Processing says what to run.
type Processing struct {
	Queues      []string
	Concurrency int
	// Lease is how long a job belongs to a worker that is not heard of; zero is the system's default.
	Lease  time.Duration
	Handle func(ctx context.Context, run Run)
}

// Run is one attempt at a job.
type Run struct {
	Payload []byte
	// Failures counts the attempts charged to the job before this one.
	Failures int
}

// Opener connects to the Redis at addr.
type Opener func(ctx context.Context, addr string) (System, error)

var openers = map[string]Opener{
	Dueq:      openDueq,
	Asynq:     openAsynq(0),
	AsynqFast: openAsynq(10 * time.Millisecond),
}

// Open connects the named system to the Redis at addr.
func Open(ctx context.Context, name, addr string) (System, error) {
	open, ok := openers[name]
	if !ok {
		return nil, fmt.Errorf("no system %q is built in; there are %v", name, slices.Sorted(maps.Keys(openers)))
	}
	return open(ctx, addr)
}

// Built reports whether Open knows the name.
func Built(name string) bool {
	_, ok := openers[name]
	return ok
}
