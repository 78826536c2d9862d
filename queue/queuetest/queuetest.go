package queuetest

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dueq-io/dueq/internal/testhook"
	"github.com/dueq-io/dueq/queue"
)

// TB is the part of testing.TB that is called.
type TB interface {
	Helper()
	Cleanup(func())
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// Queue is an embedded Redis of a test's own, whose time the test moves.
type Queue struct {
	// Client is for the code under test, and for a worker or a scheduler that the test runs. Leave it open:
	// it is closed at the end of the test.
	Client *queue.Client
	// MaxAttempts and Backoff are for jobs that RunDue runs and that have none of their own. Default: 25
	// attempts, 1 min apart.
	MaxAttempts int
	Backoff     queue.Backoff

	tb TB
	// maxRuns ends a test whose jobs make each other due for ever.
	maxRuns int
	mu      sync.Mutex
	// moves are the calls of Advance, in order.
	moves []move
}

// move is one call of Advance: from at on, by the process's clock, the queue is ahead by total.
type move struct {
	at    time.Time
	total time.Duration
}

const (
	defaultMaxAttempts = 25
	defaultBackoff     = time.Minute
	defaultMaxRuns     = 10_000
	// batch is how many jobs one call promotes or reads.
	batch = 500
)

var spaces atomic.Int64

// New opens an empty queue, which is closed at the end of the test.
func New(tb TB) *Queue {
	tb.Helper()
	cfg := queue.Config{Namespace: "queuetest-" + strconv.FormatInt(spaces.Add(1), 10)}
	client, err := cfg.Open(context.Background(), "memory://")
	if err != nil {
		tb.Fatalf("queuetest: %v", err)
	}
	tb.Cleanup(func() { _ = client.Close() }) // nothing is kept, so nothing can be lost
	return &Queue{
		Client: client, MaxAttempts: defaultMaxAttempts, Backoff: queue.Constant(defaultBackoff),
		tb: tb, maxRuns: defaultMaxRuns,
	}
}

// Now is the time of the queue: that of the process, and what Advance has added.
func (q *Queue) Now() time.Time { return time.Now().Add(q.ahead(time.Now())) }

// ahead is by how much the queue was ahead of the process's clock.
func (q *Queue) ahead(at time.Time) (total time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, m := range q.moves {
		if !m.at.After(at) {
			total = m.total
		}
	}
	return total
}

// Advance moves the time of the queue forwards by d, in whole milliseconds, and makes ready what is due
// then. A scheduler that runs looks again at once; leases, too, are older by d.
func (q *Queue) Advance(d time.Duration) {
	q.tb.Helper()
	if d < 0 {
		q.tb.Fatalf("queuetest: Advance(%v): time goes forwards only", d)
	}
	q.mu.Lock()
	total := d.Truncate(time.Millisecond)
	if n := len(q.moves); n > 0 {
		total += q.moves[n-1].total
	}
	testhook.ShiftTime(q.Client, d)
	q.moves = append(q.moves, move{time.Now(), total})
	q.mu.Unlock()
	ctx := context.Background()
	for _, name := range q.names(ctx) {
		q.promote(ctx, name)
		if err := q.Client.Broker().WakeTick(ctx, name); err != nil {
			q.tb.Fatalf("queuetest: wake the scheduler: %v", err)
		}
	}
}

// names returns all queues, sorted.
func (q *Queue) names(ctx context.Context) []string {
	q.tb.Helper()
	names, err := q.Client.Broker().Queues(ctx)
	if err != nil {
		q.tb.Fatalf("queuetest: %v", err)
	}
	slices.Sort(names)
	return names
}

// promote makes all due jobs of a queue ready.
func (q *Queue) promote(ctx context.Context, name string) {
	q.tb.Helper()
	for {
		p, err := q.Client.Broker().Promote(ctx, name, batch)
		if err != nil {
			q.tb.Fatalf("queuetest: %v", err)
		}
		if p.Next != 0 {
			return
		}
	}
}

// Enqueued returns the jobs that are in a queue, in whatever state, in the order in which they were
// enqueued. A job that is done is gone, unless it has a Retain.
func (q *Queue) Enqueued(name string) []queue.JobInfo {
	q.tb.Helper()
	var all []queue.JobInfo
	seen := map[string]bool{}
	query := queue.Query{Limit: batch}
	for {
		page, err := q.Client.Inspector().Jobs(context.Background(), name, query)
		if err != nil {
			q.tb.Fatalf("queuetest: %v", err)
		}
		for _, job := range page.Jobs {
			if !seen[job.ID] {
				seen[job.ID] = true
				all = append(all, job)
			}
		}
		if query.Cursor = page.Cursor; query.Cursor == "" {
			break
		}
	}
	slices.SortFunc(all, func(a, b queue.JobInfo) int {
		if n := a.Created.Compare(b.Created); n != 0 {
			return n
		}
		return strings.Compare(a.ID, b.ID)
	})
	return all
}
