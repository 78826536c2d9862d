package queue_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/dueq-io/dueq/queue"
)

// Jobs on their way are no damage: an audit beside every verb at once finds nothing, and mends nothing.
func TestAuditBesideLoad(t *testing.T) {
	t.Parallel()
	h := open(t, urlOf(t), queue.Config{})
	behind := make([]queue.Job, 3000)
	for i := range behind {
		behind[i] = withDefaults(queue.Job{Priority: queue.Low, Delay: time.Duration(i%3) * time.Hour})
	}
	_, err := h.c.EnqueueMany(h.ctx, behind)
	h.ok(err)
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	for n := range 6 {
		running.Go(func() { h.produce(ctx, n) })
	}
	for range 4 {
		running.Go(func() { h.consume(ctx) })
	}
	running.Go(func() { h.schedule(ctx) })
	audits := 60
	if testing.Short() {
		audits = 15
	}
	looked, unsettled := int64(0), 0
	for range audits {
		report, err := h.in.Audit(t.Context(), sms, queue.AuditConfig{Repair: true})
		if err != nil || report.Total() > 0 {
			t.Errorf("found %+v, %v", report.Findings, err)
			break
		}
		looked += report.Jobs
		unsettled += report.Unsettled
	}
	stop()
	running.Wait()
	counts := h.info().Counts
	for _, verb := range []string{"enqueue", "promote", "lease", "ack", "retry", "snooze", "release", "bury", "cancel", "requeue"} {
		if counts[verb] == 0 {
			t.Errorf("no %s among %v", verb, counts)
		}
	}
	t.Logf("%d audits of %d jobs, %d unsettled, beside %v", audits, looked, unsettled, counts)
	if int64(unsettled)*20 > looked {
		t.Errorf("%d of %d jobs could not be judged", unsettled, looked)
	}
	h.audit(true)
	if report := h.audit(true); report.Total() > 0 {
		t.Errorf("at rest: %+v", report.Findings)
	}
}

// produce hands in jobs of each form, under IDs that come back, and takes some away.
func (h *harness) produce(ctx context.Context, n int) {
	for i := 0; ctx.Err() == nil; i++ {
		job := withDefaults(queue.Job{
			ID: fmt.Sprintf("job-%d-%d", n, rand.N(300)), Priority: []queue.Priority{queue.High, queue.Normal, queue.Low}[rand.N(3)],
			IfExists: []queue.IfExists{queue.Keep, queue.Replace}[rand.N(2)], Delay: time.Duration(rand.N(3)) * time.Millisecond,
			Retain: time.Duration(rand.N(2)) * time.Second, Unique: queue.Unique{Key: fmt.Sprint("key", rand.N(50))},
		})
		if i%3 > 0 {
			job.Unique = queue.Unique{}
		}
		if i%7 == 0 {
			job.ID = ""
		}
		id, _ := h.c.Enqueue(ctx, job)
		switch rand.N(6) {
		case 0:
			_ = h.c.Cancel(ctx, sms, id)
		case 1:
			_ = h.c.Reschedule(ctx, sms, id, 0)
		case 2:
			_ = h.in.Requeue(ctx, sms, id)
		}
	}
}

// consume leases jobs and ends their leases in every way.
func (h *harness) consume(ctx context.Context) {
	for ctx.Err() == nil {
		ds, _, err := h.b.Lease(ctx, sms, 1+rand.N(20), leaseTime)
		if err != nil {
			continue
		}
		var settling sync.WaitGroup
		for _, d := range ds {
			settling.Go(func() { _ = h.end(d) })
		}
		settling.Wait()
	}
}

func (h *harness) end(d *queue.Delivery) error {
	ctx := context.WithoutCancel(h.ctx)
	switch rand.N(6) {
	case 0:
		return h.b.Retry(ctx, d, time.Duration(rand.N(3))*time.Millisecond, errOops)
	case 1:
		return h.b.Snooze(ctx, d, time.Millisecond)
	case 2:
		return h.b.Release(ctx, d)
	case 3:
		err := h.b.Bury(ctx, d, queue.ReasonRejected, errOops)
		if rand.N(3) == 0 {
			err = errors.Join(err, h.in.Requeue(ctx, sms, d.ID))
		}
		return err
	default:
		return h.b.Ack(ctx, d)
	}
}

func (h *harness) schedule(ctx context.Context) {
	for ctx.Err() == nil {
		_, promoted := h.b.Promote(ctx, sms, 100)
		_, reaped := h.b.Reap(ctx, sms, queue.ReapConfig{Limit: 100})
		_, purged := h.b.Purge(ctx, sms, queue.PurgeConfig{Limit: 100, DeadKeep: 200})
		if err := errors.Join(promoted, reaped, purged); err != nil && ctx.Err() == nil {
			h.t.Error(err)
		}
	}
}
