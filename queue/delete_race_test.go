package queue_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/dueq-io/dueq/internal/redistest"
	"github.com/dueq-io/dueq/queue"
)

// between runs something once before the client sends a command.
type between struct {
	command string
	do      func()
}

func (b *between) DialHook(next redis.DialHook) redis.DialHook { return next }

func (b *between) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

func (b *between) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if do := b.do; do != nil && cmd.Name() == b.command {
			b.do = nil
			do()
		}
		return next(ctx, cmd)
	}
}

// A producer who knows the queue begins it anew, and it has its name: whether the job comes when the queue is
// gone, or when it is gone and its name is not, or in between a name taken away and nobody there.
func TestEnqueueAfterDeletion(t *testing.T) {
	t.Parallel()
	for _, moment := range []string{"after", "srem", "sismember"} {
		t.Run(moment, func(t *testing.T) {
			t.Parallel()
			h := open(t, urlOf(t), queue.Config{})
			producer := open(t, urlOf(t), queue.Config{Namespace: h.c.Namespace()})
			producer.ok(producer.c.Cancel(h.ctx, sms, producer.enqueue(queue.Job{}))) // it knows the queue
			enqueue := func() { producer.enqueue(queue.Job{ID: "new", Delay: time.Hour}) }
			queue.Connection(h.c).AddHook(&between{moment, enqueue})
			_, err := h.in.DeleteQueue(h.ctx, sms, false)
			if moment == "sismember" { // before the script, which sees it
				if !errors.Is(err, queue.ErrNotEmpty) {
					t.Fatalf("deleted: %v", err)
				}
			} else {
				h.ok(err)
			}
			if moment == "after" {
				enqueue()
			}
			h.named(true)
			h.wantState("new", queue.Delayed)
		})
	}
}

// A switch that somebody turns who knows a queue that is gone is not lost either.
func TestSwitchAfterDeletion(t *testing.T) {
	t.Parallel()
	for _, moment := range []string{"after", "srem"} {
		t.Run(moment, func(t *testing.T) {
			t.Parallel()
			h := open(t, urlOf(t), queue.Config{})
			operator := open(t, urlOf(t), queue.Config{Namespace: h.c.Namespace()})
			pause := func() { operator.ok(operator.in.Pause(h.ctx, sms)) }
			pause()
			queue.Connection(h.c).AddHook(&between{moment, pause})
			h.ok(h.deleteQueue(false))
			if moment == "after" {
				h.wantNothing(0)
				pause()
			}
			h.named(true)
			if !h.info().Paused {
				t.Error("not paused")
			}
		})
	}
}

// A lease whose queue goes before its records are read has nothing, which is no fault.
func TestLeaseFromAQueueThatGoes(t *testing.T) {
	t.Parallel()
	h := open(t, urlOf(t), queue.Config{})
	other := open(t, urlOf(t), queue.Config{Namespace: h.c.Namespace()})
	for range 3 {
		h.enqueue(queue.Job{})
	}
	queue.Connection(h.c).AddHook(&between{"hmget", func() { other.ok(other.deleteQueue(true)) }})
	if ds := h.lease(3); len(ds) > 0 {
		t.Errorf("leased %v", idsOf(ds))
	}
	h.wantNothing(3)
}

// deaf loses the answer of one script.
type deaf struct{ between }

func (d *deaf) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		err := next(ctx, cmd)
		if cmd.Name() == "evalsha" && err == nil && d.do != nil {
			d.do = nil
			cmd.SetErr(io.ErrUnexpectedEOF)
			return io.ErrUnexpectedEOF
		}
		return err
	}
}

// The answer that says that a queue began may be lost. Whoever then repeats the call, as they are told to, names it.
func TestNameOfAQueueWhoseFirstAnswerIsLost(t *testing.T) {
	t.Parallel()
	h := open(t, urlOf(t), queue.Config{})
	h.ok(h.c.Cancel(h.ctx, sms, h.enqueue(queue.Job{})))
	other := open(t, urlOf(t), queue.Config{Namespace: h.c.Namespace()})
	other.ok(other.deleteQueue(false))
	queue.Connection(h.c).AddHook(&deaf{between{do: func() {}}})
	job := queue.Job{ID: "a", Delay: time.Hour}
	if err := h.try(job); !errors.Is(err, queue.ErrUnknown) {
		t.Fatal(err)
	}
	h.ok(h.try(job))
	h.named(true)
}

// Producers, workers and a deletion meet in every way. A queue that has a job after that has its name, and is in
// order.
func TestDeletionsBesideWork(t *testing.T) {
	t.Parallel()
	h := open(t, urlOf(t), queue.Config{})
	clients := make([]*harness, 3)
	for i := range clients {
		clients[i] = open(t, urlOf(t), queue.Config{Namespace: h.c.Namespace()})
	}
	kept := 0
	for round := range 200 {
		var all sync.WaitGroup
		for who, c := range clients {
			all.Go(func() { c.workBeside(fmt.Sprintf("%d-%d-", round%5, who)) })
		}
		all.Go(func() {
			if err := h.deleteQueue(round%2 == 0); err != nil && !errors.Is(err, queue.ErrNotEmpty) && !errors.Is(err, queue.ErrUnknownQueue) {
				t.Error(err)
			}
		})
		all.Wait()
		if h.rdb.Exists(h.ctx, h.key("jobs")).Val() == 1 {
			kept++
			h.named(true)
		}
	}
	if kept == 0 {
		t.Error("no round has left a job")
	}
	if report := h.audit(false); report.Total() > 0 {
		t.Errorf("an audit finds %+v", report.Findings)
	}
}

// workBeside enqueues two jobs, one of them to be run later, and runs what is ready.
func (h *harness) workBeside(id string) {
	for _, job := range []queue.Job{{ID: id + "later", Delay: time.Hour, Retain: -1}, {ID: id, Retain: -1}} {
		if err := h.try(job); err != nil {
			h.t.Error(err)
		}
	}
	ds, _, err := h.b.Lease(h.ctx, sms, 2, leaseTime)
	for _, d := range ds {
		if lost := h.b.Ack(h.ctx, d); !errors.Is(lost, queue.ErrLeaseLost) {
			err = errors.Join(err, lost)
		}
	}
	if err != nil {
		h.t.Error(err)
	}
}

// What a queue holds is freed in the background, however much it is.
func TestDeletionFreesInTheBackground(t *testing.T) {
	t.Parallel()
	server := redistest.StartTCP(t)
	h := open(t, "redis://"+server.Addr(), queue.Config{})
	jobs := make([]queue.Job, 1000)
	for i := range jobs {
		jobs[i] = withDefaults(queue.Job{Delay: time.Hour})
	}
	_, err := h.c.EnqueueMany(h.ctx, jobs)
	h.ok(err)
	h.ok(h.deleteQueue(true))
	redistest.Eventually(t, 10*time.Second, func() bool { // the records, and the set of those delayed
		return queue.ParseInfo(server.Client().Info(h.ctx, "memory").Val())["lazyfreed_objects"] == "2"
	})
}
