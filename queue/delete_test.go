package queue_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/dueq-io/dueq/internal/redistest"
	"github.com/dueq-io/dueq/queue"
)

func (h *harness) deleteQueue(force bool) error {
	_, err := h.in.DeleteQueue(h.ctx, sms, force)
	return err
}

func (h *harness) named(want bool) {
	h.t.Helper()
	names, err := h.b.Queues(h.ctx)
	h.ok(err)
	if slices.Contains(names, sms) != want {
		h.t.Fatalf("queues %v, which should have %s: %v", names, sms, want)
	}
}

// wantNothing says that of a queue nothing is left but the last token that was drawn.
func (h *harness) wantNothing(token int64) {
	h.t.Helper()
	h.named(false)
	for key, value := range h.dump() {
		switch {
		case !strings.Contains(key, "{"+sms+"}"):
		case token > 0 && key == h.key("meta") && value == fmt.Sprintf("hash \"token\"=\"%d\" ", token):
		default:
			h.t.Errorf("%s is left: %s", key, value)
		}
	}
}

// A queue that has nothing but done jobs goes, with all that was noted of it.
func TestDeleteEmptyQueue(t *testing.T) {
	onEach(t, func(t *testing.T, h *harness) {
		h.enqueue(queue.Job{ID: "a", Retain: time.Hour, Unique: queue.Unique{Key: "k", Scope: queue.ForWindow, Window: time.Hour}})
		h.enqueue(queue.Job{ID: "gone", Retain: -1})
		ds := h.lease(2)
		ds[0].Mark("mark", time.Hour)
		h.ok(errors.Join(h.b.Ack(h.ctx, ds[0]), h.b.Ack(h.ctx, ds[1])))
		h.reap(queue.ReapConfig{})
		h.ok(errors.Join(h.in.Pause(h.ctx, sms), h.in.CloseIntake(h.ctx, sms), h.in.SetMaxLen(h.ctx, sms, 7)))
		h.enqueueOther()
		jobs, err := h.in.DeleteQueue(h.ctx, sms, false)
		h.ok(err)
		if jobs != 1 { // the done one
			t.Errorf("%d jobs went", jobs)
		}
		h.wantNothing(ds[1].Token)
		if found, err := h.in.AuditNames(h.ctx, false); err != nil || len(found) > 0 {
			t.Errorf("an audit finds %v, %v", found, err)
		}
		h.refused(queue.ErrUnknownQueue, func() error { return h.deleteQueue(false) })
		h.enqueue(queue.Job{ID: "a", Payload: []byte("another")})
		h.named(true)
		if d := h.leaseOne(); d.ID != "a" || d.Token <= ds[1].Token {
			t.Errorf("leased %+v after token %d", d, ds[1].Token)
		}
	})
}

// enqueueOther makes a queue that is to stay.
func (h *harness) enqueueOther() {
	h.t.Helper()
	h.enqueue(queue.Job{Queue: "other", ID: "other"})
	h.t.Cleanup(func() {
		if info, err := h.in.Job(context.WithoutCancel(h.ctx), "other", "other"); err != nil || info.State != queue.Ready {
			h.t.Errorf("the other queue has %+v, %v", info, err)
		}
	})
}

// One job in any state keeps a queue, but for a done one, until it is forced.
func TestDeleteQueueWithJobs(t *testing.T) {
	for _, state := range []queue.State{queue.Delayed, queue.Ready, queue.Leased, queue.Retrying, queue.Dead} {
		t.Run(string(state), func(t *testing.T) {
			onEach(t, func(t *testing.T, h *harness) {
				h.enqueueOther()
				h.place(queue.Done, queue.Job{ID: "done"})
				h.place(state, queue.Job{ID: "a"})
				h.refused(queue.ErrNotEmpty, func() error { return h.deleteQueue(false) })
				h.ok(h.deleteQueue(true))
				drawn := int64(2)
				if state == queue.Delayed || state == queue.Ready {
					drawn = 1
				}
				h.wantNothing(drawn)
			})
		})
	}
}

// A queue with every kind of job and note goes whole.
func TestDeleteForced(t *testing.T) {
	onEach(t, func(t *testing.T, h *harness) {
		h.everyState()
		jobs, err := h.in.DeleteQueue(h.ctx, sms, true)
		h.ok(err)
		if jobs != 7 {
			t.Errorf("%d jobs went", jobs)
		}
		h.wantNothing(4)
	})
}

// A worker that is alive keeps a queue, and one that has left does not.
func TestDeleteQueueThatIsServed(t *testing.T) {
	onEach(t, func(t *testing.T, h *harness) {
		serving := func(names ...string) func() {
			report := queue.WorkerReport{State: queue.WorkerRunning, Queues: map[string]int{}}
			for _, name := range names {
				report.Queues[name] = 1
			}
			leave := h.b.JoinWorker("w", func() queue.WorkerReport { return report }, noWish)
			h.ok(queue.Beat(h.c))
			return func() { leave(); h.ok(queue.Beat(h.c)) }
		}
		h.enqueue(queue.Job{ID: "a"})
		h.ok(h.b.Ack(h.ctx, h.leaseOne()))
		h.t.Cleanup(serving("another"))
		leave := serving(sms)
		h.refused(queue.ErrServed, func() error { return h.deleteQueue(false) })
		leave()
		h.ok(h.deleteQueue(false))
		h.wantNothing(1)
		h.t.Cleanup(serving(sms))
		h.enqueue(queue.Job{})
		h.refused(queue.ErrServed, func() error { return h.deleteQueue(false) })
		h.ok(h.deleteQueue(true))
		h.named(false)
	})
}

// Whoever holds a job of a queue that was deleted has lost it, also against a job of the same ID that came after.
func TestDeletedQueuesLeases(t *testing.T) {
	onEach(t, func(t *testing.T, h *harness) {
		old := h.place(queue.Leased, queue.Job{ID: "a"}).d
		h.ok(h.deleteQueue(true))
		settle := map[string]func() error{
			"ack":     func() error { return h.b.Ack(h.ctx, old) },
			"retry":   func() error { return h.b.Retry(h.ctx, old, time.Second, errOops) },
			"snooze":  func() error { return h.b.Snooze(h.ctx, old, time.Second) },
			"release": func() error { return h.b.Release(h.ctx, old) },
			"bury":    func() error { return h.b.Bury(h.ctx, old, queue.ReasonRejected, errOops) },
			"extend": func() error {
				verdicts, err := h.b.Extend(h.ctx, []*queue.Delivery{old}, leaseTime)
				return errors.Join(append(verdicts, err)...)
			},
		}
		lost := func() {
			t.Helper()
			for verb, call := range settle {
				h.unchanged(func() {
					if err := call(); !errors.Is(err, queue.ErrLeaseLost) {
						t.Errorf("%s: %v", verb, err)
					}
				})
			}
		}
		lost()
		h.unchanged(func() { // what goes on over names that were read before
			h.leaseNone()
			h.promote(0)
			h.reap(queue.ReapConfig{})
			h.purge(keepAll)
		})
		h.enqueue(queue.Job{ID: "a"})
		d := h.leaseOne()
		lost()
		h.ok(h.b.Ack(h.ctx, d))
	})
}

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
