package queue

import (
	"errors"
	"fmt"
	"testing"
	"time"
)

// TestFullBatches runs every verb on as many jobs as one call carries, each with all that makes a
// script's argument lists longer: a priority, a unique key, faults, a mark. The rig refuses a
// redis.call with more values than Lua's stack is sure to hold, and a key that is not declared.
func TestFullBatches(t *testing.T) {
	t.Parallel()
	r := realRig(t)
	p := &prepared{rig: r, ctx: t.Context(), queue: "full"}
	ok := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	jobs := make([]Job, maxBatch)
	ids := make([]string, maxBatch)
	for i := range jobs {
		ids[i] = fmt.Sprintf("job-%03d", i)
		jobs[i] = Job{
			ID: ids[i], Queue: p.queue, Kind: "k", Priority: Priority(i % 3), Retain: time.Minute, IfExists: Replace,
			Unique: Unique{Key: ids[i], Scope: UniqueScope(i % 3)}, Delay: time.Minute,
		}
		if jobs[i].Unique.Scope == ForWindow {
			jobs[i].Unique.Window = time.Minute
		}
	}
	enqueue := func(delay time.Duration) {
		t.Helper()
		for i := range jobs {
			jobs[i].Delay = delay
		}
		_, err := p.EnqueueMany(p.ctx, jobs)
		ok(err)
	}
	all := func(verb string, call func(id string) error) {
		t.Helper()
		ok(p.act(verb, ids, call))
	}
	settle := func(verb string, call func(d *Delivery) error) {
		t.Helper()
		_, err := p.b.Promote(p.ctx, p.queue, maxBatch)
		ok(err)
		p.held = p.lease(t, maxBatch)
		ok(p.settle(verb, call))
	}
	enqueue(time.Minute)
	all("reschedule", func(id string) error { return p.Reschedule(p.ctx, p.queue, id, 0) })
	settle("retry", func(d *Delivery) error { return p.b.Retry(p.ctx, d, 0, errTest) })
	settle("snooze", func(d *Delivery) error { return p.b.Snooze(p.ctx, d, 0) })
	settle("release", func(d *Delivery) error { return p.b.Release(p.ctx, d) })
	settle("bury", func(d *Delivery) error { return p.b.Bury(p.ctx, d, ReasonRejected, errTest) })
	all("requeue", func(id string) error { return p.in.Requeue(p.ctx, p.queue, id) })
	settle("ack", func(d *Delivery) error {
		d.Mark(d.ID, time.Minute)
		return p.b.Ack(p.ctx, d)
	})
	enqueue(0) // in the place of those that are done
	enqueue(0) // of those that are ready
	enqueue(time.Minute)
	enqueue(0)
	var leased []*Delivery
	for range 3 { // mostly ghosts
		ds, _, err := p.b.Lease(p.ctx, p.queue, maxBatch, time.Minute)
		ok(err)
		leased = append(leased, ds...)
	}
	verdicts, err := p.b.Extend(p.ctx, leased, time.Minute)
	ok(errors.Join(append(verdicts, err)...))
	if len(leased) != maxBatch {
		t.Fatalf("leased %d", len(leased))
	}
	ok(p.reap()) // notes that Redis is there
	p.advance(2 * time.Minute)
	ok(p.reap())
	settle("ack", func(d *Delivery) error { return p.b.Ack(p.ctx, d) })
	p.advance(2 * time.Minute)
	purged, err := p.b.Purge(p.ctx, p.queue, PurgeConfig{Limit: maxBatch})
	if ok(err); purged.Done != maxBatch {
		t.Errorf("purged %+v", purged)
	}
	enqueue(0)
	all("cancel", func(id string) error { return p.Cancel(p.ctx, p.queue, id) })
	if left := p.keyspace(t); len(left.hash["jobs"]) > 0 || len(left.disorder(p.Client, p.now)) > 0 {
		t.Errorf("%d jobs left, %v", len(left.hash["jobs"]), left.disorder(p.Client, p.now))
	}
}
