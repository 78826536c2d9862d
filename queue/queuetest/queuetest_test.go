package queuetest_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/dueq-io/dueq/internal/redistest"
	"github.com/dueq-io/dueq/queue"
	"github.com/dueq-io/dueq/queue/queuetest"
	"github.com/dueq-io/dueq/scheduler"
	"github.com/dueq-io/dueq/worker"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var errOops = errors.New("oops")

// recorder is a test whose failure is the thing under test.
type recorder struct {
	*testing.T
	said string
}

func (r *recorder) Errorf(f string, a ...any) { r.said += fmt.Sprintf(f, a...) + "\n" }

// Fatalf ends the function under test with a panic that fails recovers from.
func (r *recorder) Fatalf(f string, a ...any) {
	r.Errorf(f, a...)
	panic(r)
}

// fails returns what run says when it fails.
func (r *recorder) fails(run func()) string {
	r.said = ""
	func() {
		defer func() {
			if v := recover(); v != nil && v != any(r) {
				panic(v)
			}
		}()
		run()
	}()
	return r.said
}

func enqueue(t *testing.T, q *queuetest.Queue, jobs ...queue.Job) (ids []string) {
	t.Helper()
	results, err := q.Client.EnqueueMany(t.Context(), jobs)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range results {
		ids = append(ids, r.ID)
	}
	return ids
}

func TestQueuesAreApart(t *testing.T) {
	t.Parallel()
	a, b := queuetest.New(t), queuetest.New(t)
	if a.Client.Namespace() == b.Client.Namespace() {
		t.Errorf("two of namespace %s", a.Client.Namespace())
	}
	enqueue(t, a, queue.Job{Queue: "q", Kind: "k"})
	a.Advance(time.Hour)
	if n := len(b.Enqueued("q")); n != 0 {
		t.Errorf("%d jobs in the other queue", n)
	}
	if ahead := a.Now().Sub(b.Now()); ahead < 59*time.Minute || ahead > 61*time.Minute {
		t.Errorf("%v ahead, want 1h", ahead)
	}
}

func TestIsClosedAtTheEnd(t *testing.T) {
	t.Parallel()
	var q *queuetest.Queue
	t.Run("inner", func(t *testing.T) { q = queuetest.New(t) })
	if err := q.Client.Ping(context.WithoutCancel(t.Context())); err == nil {
		t.Error("it is still open")
	}
}

func TestAdvance(t *testing.T) {
	t.Parallel()
	q := queuetest.New(t)
	ids := enqueue(t, q,
		queue.Job{Queue: "q", Kind: "k", Delay: time.Hour}, queue.Job{Queue: "q", Kind: "k", Delay: 2 * time.Hour},
		queue.Job{Queue: "other", Kind: "k", Delay: time.Hour})
	state := func(name, id string) queue.State {
		job, err := q.Client.Inspector().Job(t.Context(), name, id)
		if err != nil {
			t.Fatal(err)
		}
		return job.State
	}
	q.Advance(59 * time.Minute)
	if s := state("q", ids[0]); s != queue.Delayed {
		t.Errorf("a minute before its time it is %s", s)
	}
	q.Advance(time.Minute)
	if state("q", ids[0]) != queue.Ready || state("other", ids[2]) != queue.Ready || state("q", ids[1]) != queue.Delayed {
		t.Error("after an hour not those, or not only those, of an hour are ready")
	}
	r := &recorder{T: t}
	if said := r.fails(func() { queuetest.New(r).Advance(-time.Second) }); !strings.Contains(said, "time goes forwards only") {
		t.Errorf("said %q", said)
	}
}

// More are due than one call promotes.
func TestAdvanceManyJobs(t *testing.T) {
	t.Parallel()
	q := queuetest.New(t)
	enqueue(t, q, slices.Repeat([]queue.Job{{Queue: "q", Kind: "k", Delay: time.Hour}}, 1203)...)
	if n := len(q.Enqueued("q")); n != 1203 {
		t.Errorf("%d enqueued", n)
	}
	q.Advance(time.Hour)
	info, err := q.Client.Inspector().Queue(t.Context(), "q")
	if err != nil || info.Ready != 1203 {
		t.Errorf("%d ready, %v", info.Ready, err)
	}
}

func TestEnqueuedIsInOrder(t *testing.T) {
	t.Parallel()
	q := queuetest.New(t)
	var want []string
	for i := range 30 {
		want = append(want, enqueue(t, q, queue.Job{Queue: "q", Kind: "k", Delay: time.Duration(30-i) * time.Hour})...)
	}
	var got []string
	for _, job := range q.Enqueued("q") {
		got = append(got, job.ID)
	}
	if !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if n := len(q.Enqueued("none")); n != 0 {
		t.Errorf("%d in a queue that there is not", n)
	}
}

// A worker and a scheduler that run on the queue follow its clock.
func TestRunningWorkerFollowsTheClock(t *testing.T) {
	t.Parallel()
	q := queuetest.New(t)
	ctx, cancel := context.WithCancel(t.Context())
	quiet := slog.New(slog.DiscardHandler)
	w, err := worker.New(q.Client, worker.Config{Queues: map[string]int{"q": 1}, Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	s, err := scheduler.New(q.Client, scheduler.Config{Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	ran := make(chan string, 10)
	w.Handle("k", worker.HandlerFunc(func(_ context.Context, d *queue.Delivery) error { ran <- d.ID; return nil }))
	done := make(chan error, 2)
	go func() { done <- w.Run(ctx) }()
	go func() { done <- s.Run(ctx) }()
	ids := enqueue(t, q, queue.Job{Queue: "q", Kind: "k", Delay: time.Hour}, queue.Job{Queue: "q", Kind: "k", Delay: time.Hour + 50*time.Millisecond})
	redistest.Eventually(t, 10*time.Second, func() bool {
		info, err := q.Client.Inspector().Queue(t.Context(), "q")
		return err == nil && info.Delayed == 2
	})
	q.Advance(time.Hour)
	for range ids { // the second is due only once the scheduler has slept for it
		select {
		case got := <-ran:
			if !slices.Contains(ids, got) {
				t.Errorf("ran %s, want one of %v", got, ids)
			}
		case <-time.After(10 * time.Second):
			t.Fatal("a job did not run")
		}
	}
	cancel()
	for range 2 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}
