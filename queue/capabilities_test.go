package queue_test

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/dueq-io/dueq/internal/redistest"
	"github.com/dueq-io/dueq/queue"
)

// Row 1 by the running clock: the score is the moment of Enqueue plus two hours, and jobs due in 300 ms
// are promoted on time, none early.
func TestRealClock(t *testing.T) {
	t.Parallel()
	h := open(t, urlOf(t), queue.Config{})
	before := h.rdb.Time(h.ctx).Val()
	id := h.enqueue(queue.Job{Delay: 2 * time.Hour})
	score := h.rdb.ZScore(h.ctx, h.key("delayed"), id).Val()
	if early := score - float64(before.Add(2*time.Hour).UnixMilli()); early < 0 || early > 5000 {
		t.Fatalf("due %v ms after it should be", early)
	}
	h.ok(h.c.Cancel(h.ctx, sms, id))

	const jobs = 200
	for i := range jobs {
		h.enqueue(queue.Job{Delay: time.Duration(100+i) * time.Millisecond})
	}
	for got := 0; got < jobs; {
		p, err := h.b.Promote(h.ctx, sms, 500)
		h.ok(err)
		for _, d := range h.lease(500) {
			got++
			if d.Lateness() < 0 {
				t.Fatalf("early by %v", -d.Lateness())
			}
		}
		if p.Next > 0 {
			timer := time.NewTimer(p.Next) // as the mover sleeps
			<-timer.C
		}
	}
}

// wiretap is a go-redis hook that keeps the arguments of scripts.
type wiretap struct {
	mu   sync.Mutex
	args [][]any
}

func (w *wiretap) DialHook(next redis.DialHook) redis.DialHook { return next }

func (w *wiretap) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

func (w *wiretap) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if name := cmd.Name(); name == "evalsha" || name == "eval" {
			w.mu.Lock()
			w.args = append(w.args, cmd.Args()[2:])
			w.mu.Unlock()
		}
		return next(ctx, cmd)
	}
}

// Row 7: a client's clock that is an hour off makes no relative delay early or late, for no clock of a
// client is in their path: nothing that is sent depends on it but the note of creation in the envelope.
func TestClientClockIsNotSent(t *testing.T) {
	t.Parallel()
	h := open(t, urlOf(t), queue.Config{})
	d := h.place(queue.Leased, queue.Job{}).d
	other := h.place(queue.Leased, queue.Job{}).d
	h.enqueue(queue.Job{ID: "known", Delay: time.Hour})
	tap := &wiretap{}
	queue.Connection(h.c).AddHook(tap)
	h.enqueue(queue.Job{Delay: 2 * time.Hour})
	h.ok(h.c.Reschedule(h.ctx, sms, "known", 15*time.Minute))
	h.ok(h.b.Retry(h.ctx, d, 2*time.Minute, nil))
	h.ok(h.b.Snooze(h.ctx, other, 2*time.Minute))
	_, err := h.b.Promote(h.ctx, sms, 10)
	h.ok(err)
	h.reap(queue.ReapConfig{})
	h.purge(keepAll)
	h.leaseNone()

	// Due times of this decade in ms or s all begin so.
	now := time.Now()
	for _, args := range tap.args {
		for _, arg := range args {
			text := fmt.Sprint(arg)
			if strings.HasPrefix(text, "\x01") {
				continue // an envelope
			}
			for _, begin := range []string{fmt.Sprint(now.UnixMilli())[:7], fmt.Sprint(now.Unix())[:7]} {
				if strings.Contains(text, begin) {
					t.Errorf("%q is sent, which looks like a time of the client's", text)
				}
			}
		}
	}
	if len(tap.args) < 8 {
		t.Fatalf("saw %d scripts", len(tap.args))
	}
}

// Row 7, as two services see it: what one delays is due on time for the other, which has a clock that is
// an hour ahead in all that it asks of Redis.
func TestTwoClientsAnHourApart(t *testing.T) {
	t.Parallel()
	a := open(t, urlOf(t), queue.Config{})
	b := open(t, urlOf(t), queue.Config{Namespace: a.c.Namespace()})
	begin := a.rdb.Time(a.ctx).Val()
	for _, h := range []*harness{a, b} {
		h.enqueue(queue.Job{Delay: time.Hour})
	}
	page, err := b.in.Jobs(b.ctx, sms, queue.Query{State: queue.Delayed})
	a.ok(err)
	for _, job := range page.Jobs {
		if off := job.At.Sub(begin.Add(time.Hour)); off < -time.Millisecond || off > 5*time.Second {
			t.Errorf("due %v off", off)
		}
	}
}

// Row 56: nothing is in a process's memory only, and with an AOF nothing is lost with Redis: every key,
// due times, switches, leases and all, is what it was.
func TestRestart(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, "--appendonly", "yes", "--appendfsync", "always")
	first := open(t, server.URL(), queue.Config{})
	queue.Freeze(first.c)
	newStage(first)
	for i := range 100 {
		first.enqueue(queue.Job{Delay: time.Duration(i+1) * time.Hour})
	}
	first.ok(first.in.Pause(first.ctx, sms))
	first.ok(first.in.CloseIntake(first.ctx, "closed"))
	before := first.dump()
	first.ok(first.c.Close()) // every process of ours is gone

	second := open(t, server.URL(), queue.Config{Namespace: first.c.Namespace()})
	second.same(before, second.dump())
	server.Kill()
	server.Restart()
	third := open(t, server.URL(), queue.Config{Namespace: first.c.Namespace()})
	third.same(before, third.dump())
	if !maps.Equal(before, third.dump()) || !third.info().Paused {
		t.Fatal("not what it was")
	}
	infos, err := third.in.Queues(third.ctx)
	third.ok(err)
	if len(infos) != 2 || !infos[0].Closed {
		t.Fatalf("queues %+v", infos)
	}
}

// Row 14 and 16 end to end, with the client of the worker gone: what was leased is leased still, then it
// runs again elsewhere, and the old worker's word is worth nothing.
func TestWorkerIsLost(t *testing.T) {
	t.Parallel()
	worker := open(t, urlOf(t), queue.Config{})
	queue.Freeze(worker.c)
	for range 10 {
		worker.enqueue(queue.Job{})
	}
	lost := worker.lease(10)
	rescue := open(t, urlOf(t), queue.Config{Namespace: worker.c.Namespace()})
	queue.Freeze(rescue.c)
	rescue.leaseNone()
	rescue.wantDepth(map[queue.State]int64{queue.Leased: 10})
	if r := rescue.reapAfter(leaseTime, queue.ReapConfig{}); r.Readied != 10 {
		t.Fatalf("reaped %+v", r)
	}
	again := rescue.lease(20)
	if len(again) != 10 {
		t.Fatalf("leased %d", len(again))
	}
	for i, d := range again {
		if d.Failures != 0 || d.LostLeases != 1 {
			t.Errorf("leased %+v", d)
		}
		if err := worker.b.Ack(worker.ctx, lost[i]); err == nil {
			t.Error("the lost worker's ack was taken")
		}
		rescue.ok(rescue.b.Ack(rescue.ctx, d))
	}
	rescue.wantDepth(nil)
}
