package queue

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"
)

// prepared is a queue with a job in every state and with every thing noted of jobs.
type prepared struct {
	*rig
	ctx   context.Context //nolint:containedctx // the test's, for all its calls
	queue string
	// held are the deliveries in force by the IDs of their jobs.
	held map[string]*Delivery
	// shift is how far time had been moved when the queue was ready.
	shift int64
	at    time.Time
}

func prepare(t *testing.T, r *rig) *prepared {
	t.Helper()
	p := &prepared{rig: r, ctx: context.Background(), queue: "prepared", held: map[string]*Delivery{}}
	ok := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	// Those that end wait in the order in which they are leased below.
	for _, id := range []string{"dead", "dead-high", "done", "done-low", "retrying", "late-retry"} {
		ok(p.enqueue(id, Job{Unique: Unique{Key: "u-" + id}}))
	}
	ended := p.lease(t, 6)
	for id, d := range ended {
		switch id {
		case "dead", "dead-high":
			ok(p.b.Bury(p.ctx, d, ReasonRejected, errTest))
		case "done", "done-low":
			d.Mark("mark-"+id, time.Minute)
			ok(p.b.Ack(p.ctx, d))
		case "retrying":
			ok(p.b.Retry(p.ctx, d, 2*time.Hour, errTest))
		default:
			ok(p.b.Retry(p.ctx, d, time.Second, errTest))
		}
	}
	ok(p.enqueue("leased-often", Job{}))
	for range 2 { // with one more lost lease it is dead
		p.lease(t, 1)
		ok(p.reap()) // notes that Redis is there
		p.advance(2 * time.Minute)
		ok(p.reap())
	}
	for _, id := range []string{"leased", "leased-low", "leased-cancelled", "leased-unique"} {
		ok(p.enqueue(id, Job{Unique: Unique{Key: "u-" + id}}))
	}
	p.held = p.lease(t, 5)
	if err := p.Cancel(p.ctx, p.queue, "leased-cancelled"); !errors.Is(err, ErrRunning) {
		t.Fatal(err)
	}
	ok(p.enqueue("delayed", Job{Delay: 2 * time.Hour, Unique: Unique{Key: "window", Scope: ForWindow, Window: time.Minute}}))
	ok(p.enqueue("late", Job{Delay: time.Second, Unique: Unique{Key: "d"}}))
	ok(p.enqueue("late-low", Job{Delay: time.Second, Priority: Low}))
	p.advance(time.Second)
	ok(p.enqueue("ghost", Job{}))
	ok(p.Cancel(p.ctx, p.queue, "ghost"))
	ok(p.enqueue("ready", Job{Unique: Unique{Key: "r"}}))
	ok(p.enqueue("ready-low", Job{}))
	ok(p.enqueue("ready-high", Job{}))
	p.shift, p.at = p.shiftMS.Load(), p.now
	return p
}

// enqueue takes what the name of a job says about it.
func (p *prepared) enqueue(id string, job Job) error {
	job.ID, job.Queue, job.Kind, job.Payload, job.Retain = id, p.queue, "k", []byte(id), time.Minute
	switch id[max(0, len(id)-4):] {
	case "high":
		job.Priority = High
	case "-low":
		job.Priority = Low
	}
	_, err := p.Enqueue(p.ctx, job)
	return err
}

func (p *prepared) lease(t *testing.T, want int) map[string]*Delivery {
	t.Helper()
	held := map[string]*Delivery{}
	for len(held) < want { // one that two leases were lost with comes alone
		ds, _, err := p.b.Lease(p.ctx, p.queue, want-len(held), time.Minute)
		if err != nil || len(ds) == 0 {
			t.Fatalf("leased %d of %d, %v", len(held), want, err)
		}
		for _, d := range ds {
			held[d.ID] = d
		}
	}
	return held
}

// reap judges without grace: Redis has not been away.
func (p *prepared) reap() error {
	_, err := p.b.Reap(p.ctx, p.queue, ReapConfig{Limit: maxBatch, Stall: 1000 * time.Hour})
	return err
}

// settle settles all deliveries in one call of the script.
func (p *prepared) settle(verb string, call func(*Delivery) error) error {
	return p.act(verb, slices.Sorted(maps.Keys(p.held)), func(id string) error { return call(p.held[id]) })
}

// act carries a verb out on several jobs in one call of the script.
func (p *prepared) act(verb string, ids []string, call func(id string) error) error {
	return errors.Join(gather(p.Client, p.queue, verb, len(ids), func(i int) error { return call(ids[i]) })...)
}

func (p *prepared) keyspace(t *testing.T) *keyspace {
	t.Helper()
	ks, err := readKeyspace(p.ctx, p.Client, p.lineOf(p.queue).shard)
	if err != nil {
		t.Fatal(err)
	}
	return ks
}

// clone copies the queue, and turns time back to when it was ready.
func (p *prepared) clone(t *testing.T, queue string) *prepared {
	t.Helper()
	from, to := p.lineOf(p.queue), p.lineOf(queue)
	if err := p.register(p.ctx, to); err != nil {
		t.Fatal(err)
	}
	pipe := p.rdb.Pipeline()
	for name, key := range from.shard.keys {
		pipe.Copy(p.ctx, key, to.shard.keys[name], 0, true)
	}
	if _, err := pipe.Exec(p.ctx); err != nil {
		t.Fatal(fmt.Errorf("copy: %w", err))
	}
	r := newRig(p.Client, p.at)
	r.swap = p.swap
	c := &prepared{rig: r, ctx: p.ctx, queue: queue, held: map[string]*Delivery{}}
	c.shiftMS.Store(p.shift)
	for id, d := range p.held {
		moved := *d
		moved.shard, moved.Queue = to.shard, queue
		c.held[id] = &moved
	}
	return c
}

// drop removes the queue.
func (p *prepared) drop(t *testing.T) {
	t.Helper()
	pipe := p.rdb.Pipeline()
	for _, key := range p.lineOf(p.queue).shard.keys {
		pipe.Del(p.ctx, key)
	}
	pipe.SRem(p.ctx, queuesKey(p.cfg.Namespace), p.queue)
	if _, err := pipe.Exec(p.ctx); err != nil {
		t.Fatal(err)
	}
}
