package queue

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
)

// failingCall stands before a script and makes its k-th redis.call raise. What the calls before it wrote
// stays: Redis does not roll a script back.
const failingCall = `
local redis, calls = { real = redis }, 0
function redis.call(...)
  calls = calls + 1
  if calls == %d then error('` + injected + `') end
  return redis.real.call(...)
end
`

const injected = "injected failure"

// disaster is a verb on jobs of the prepared shard.
type disaster struct {
	verb string
	do   func(*prepared) error
	// ends are the jobs that the call is to end, so that they may be gone.
	ends []string
	// planted says that jobs are out of order when the verb begins.
	planted bool
}

var disasters = []disaster{
	{"enqueue", func(p *prepared) error {
		jobs := []Job{
			{ID: "new"},
			{ID: "new high", Priority: High},
			{ID: "new delayed", Delay: time.Minute, Unique: Unique{Key: "new"}},
			{ID: "delayed", IfExists: Replace, Delay: time.Second},
			{ID: "ready", IfExists: Replace, Priority: Low},
			{ID: "retrying", IfExists: Replace},
			{ID: "dead", IfExists: Replace, Delay: time.Minute},
			{ID: "done", IfExists: Replace},
			{ID: "ready low", IfExists: Replace, Priority: High, Unique: Unique{Key: "l"}},
		}
		for i := range jobs {
			jobs[i].ID = strings.ReplaceAll(jobs[i].ID, " ", "-")
			jobs[i].Queue, jobs[i].Kind = p.queue, "k"
		}
		_, err := p.EnqueueMany(p.ctx, jobs)
		return err
	}, nil, false},
	{"promote", func(p *prepared) error {
		_, err := p.b.Promote(p.ctx, p.queue, maxBatch)
		return err
	}, nil, false},
	{"lease", func(p *prepared) error {
		_, _, err := p.b.Lease(p.ctx, p.queue, maxBatch, time.Minute)
		return err
	}, nil, false},
	{"extend", func(p *prepared) error {
		_, err := p.b.Extend(p.ctx, slices.Collect(maps.Values(p.held)), time.Minute)
		return err
	}, nil, false},
	{"ack", func(p *prepared) error {
		p.held["leased"].Mark("mark", time.Minute)
		return p.settle("ack", func(d *Delivery) error { return p.b.Ack(p.ctx, d) })
	}, []string{"leased", "leased-low", "leased-often", "leased-cancelled", "leased-unique"}, false},
	{"retry", func(p *prepared) error {
		return p.settle("retry", func(d *Delivery) error { return p.b.Retry(p.ctx, d, time.Second, errTest) })
	}, []string{"leased-cancelled"}, false},
	{"snooze", func(p *prepared) error {
		return p.settle("snooze", func(d *Delivery) error { return p.b.Snooze(p.ctx, d, time.Second) })
	}, []string{"leased-cancelled"}, false},
	{"release", func(p *prepared) error {
		return p.settle("release", func(d *Delivery) error { return p.b.Release(p.ctx, d) })
	}, []string{"leased-cancelled"}, false},
	{"bury", func(p *prepared) error {
		return p.settle("bury", func(d *Delivery) error {
			if d.ID == "leased-low" {
				return p.b.Drop(p.ctx, d)
			}
			return p.b.Bury(p.ctx, d, ReasonRejected, errTest)
		})
	}, []string{"leased-cancelled", "leased-low"}, false},
	{"reap", func(p *prepared) error {
		p.advance(time.Hour)
		return p.reap()
	}, []string{"leased-cancelled"}, false},
	{"reschedule", func(p *prepared) error {
		return p.act("reschedule", []string{"delayed", "retrying", "late"}, func(id string) error {
			return p.Reschedule(p.ctx, p.queue, id, time.Second)
		})
	}, nil, false},
	{"cancel", func(p *prepared) error {
		return p.act("cancel", []string{"delayed", "retrying", "ready", "ready-low", "dead", "leased", "leased-cancelled"}, func(id string) error {
			return p.Cancel(p.ctx, p.queue, id)
		})
	}, []string{"delayed", "retrying", "ready", "ready-low", "dead", "leased", "leased-cancelled"}, false},
	{"requeue", func(p *prepared) error {
		return p.act("requeue", []string{"dead", "dead-high", "done", "done-low"}, func(id string) error {
			return p.in.Requeue(p.ctx, p.queue, id)
		})
	}, nil, false},
	{"purge", func(p *prepared) error {
		p.advance(time.Hour)
		_, err := p.b.Purge(p.ctx, p.queue, PurgeConfig{Limit: maxBatch})
		return err
	}, []string{"dead", "dead-high", "done", "done-low"}, false},
	{"delete", func(p *prepared) error {
		_, err := p.in.DeleteQueue(p.ctx, p.queue, true)
		return err
	}, []string{
		"retrying", "late-retry", "dead", "dead-high", "done", "done-low", "leased-often", "leased", "leased-low", "leased-cancelled",
		"leased-unique", "delayed", "late", "late-low", "ready", "ready-low", "ready-high",
	}, false},
	{"audit", func(p *prepared) error {
		plantJobs(p)
		_, err := p.in.Audit(p.ctx, p.queue, AuditConfig{Repair: true})
		return err
	}, nil, true},
	{"audit_lock", func(p *prepared) error {
		plantLocks(p)
		_, err := p.in.Audit(p.ctx, p.queue, AuditConfig{Repair: true})
		return err
	}, nil, false},
	{"audit_counts", func(p *prepared) error {
		plantCounts(p)
		_, err := p.in.Audit(p.ctx, p.queue, AuditConfig{Repair: true})
		return err
	}, nil, false},
}

// TestPartialFailure makes every redis.call of every script fail in turn. No job may be gone then, and
// one reap with one audit has to restore order.
func TestPartialFailure(t *testing.T) {
	t.Parallel()
	r := realRig(t)
	model := prepare(t, r)
	if len(disasters) != len(scripts) {
		t.Errorf("%d disasters for %d scripts", len(disasters), len(scripts))
	}
	for _, dis := range disasters {
		t.Run(dis.verb, func(t *testing.T) {
			const atLeast = 4 // to see that it fails at all
			for k := 1; ; k++ {
				p := model.clone(t, fmt.Sprint(dis.verb, k))
				before := p.keyspace(t)
				p.prelude(dis.verb, fmt.Sprintf(failingCall, k))
				err := dis.do(p)
				p.prelude(dis.verb, "")
				failed := err != nil && strings.Contains(err.Error(), injected)
				when := fmt.Sprint("call ", k)
				if !dis.planted {
					p.complete(t, when, before, dis.ends)
				}
				p.recover(t, when, before, dis.ends)
				p.drop(t)
				if t.Failed() || !failed {
					if k <= atLeast {
						t.Errorf("ended at call %d: %v", k, err)
					}
					return
				}
			}
		})
	}
}

// TestEnqueueAgainAfterFailure: who got an error may hand the job in again under the same ID. The answer
// "it is there" has to be true then: there is a place from which it will be run.
func TestEnqueueAgainAfterFailure(t *testing.T) {
	t.Parallel()
	r := realRig(t)
	start := prepare(t, r)
	for k := 1; ; k++ {
		p := start.clone(t, fmt.Sprint("again", k))
		jobs := []Job{{ID: "new"}, {ID: "new-low", Priority: Low}, {ID: "new-delayed", Delay: time.Minute, Unique: Unique{Key: "new"}}}
		for i := range jobs {
			jobs[i].Queue, jobs[i].Kind = p.queue, "k"
		}
		p.prelude("enqueue", fmt.Sprintf(failingCall, k))
		_, err := p.EnqueueMany(p.ctx, jobs)
		p.prelude("enqueue", "")
		if _, again := p.EnqueueMany(p.ctx, jobs); again != nil {
			t.Fatalf("call %d: again: %v", k, again)
		}
		ks := p.keyspace(t)
		for _, job := range jobs {
			if ks.hash["jobs"][job.ID] == "" || len(ks.places(job.ID)) == 0 {
				t.Errorf("call %d: %s was taken twice and is in %v", k, job.ID, ks.places(job.ID))
			}
		}
		p.drop(t)
		if err == nil {
			return
		}
	}
}

// recover checks that the shard comes back to order with no job gone but those that may be, and can be
// worked off.
func (p *prepared) recover(t *testing.T, when string, before *keyspace, ends []string) {
	t.Helper()
	p.advance(2 * time.Minute)
	if err := p.reap(); err != nil {
		t.Fatalf("%s: reap: %v", when, err)
	}
	report, err := p.in.Audit(p.ctx, p.queue, AuditConfig{Repair: true})
	if err != nil || !report.Mended || report.Unsettled > 0 {
		t.Fatalf("%s: audit: %+v, %v", when, report, err)
	}
	p.complete(t, when+", audit", before, append(ends, "leased-cancelled")) // ends with its lease
	if disorder := p.keyspace(t).disorder(p.Client, p.now); len(disorder) > 0 {
		t.Fatalf("%s: disorder:\n\t%s\nafter an audit that found:\n\t%v", when, strings.Join(disorder, "\n\t"), report.Findings)
	}
	if again, err := p.in.Audit(p.ctx, p.queue, AuditConfig{Repair: true}); err != nil || again.Total() > 0 {
		t.Fatalf("%s: a second audit: %v, %v, after one that found %v", when, again.Findings, err, report.Findings)
	}
	p.advance(restoredLease)
	if err := p.reap(); err != nil {
		t.Fatalf("%s: reap: %v", when, err)
	}
	p.workOff(t, when)
}

func (p *prepared) complete(t *testing.T, when string, before *keyspace, ends []string) {
	t.Helper()
	after := p.keyspace(t)
	for id := range before.hash["jobs"] {
		switch {
		case slices.Contains(ends, id):
		case after.hash["jobs"][id] == "":
			t.Errorf("%s: job %s is gone", when, id)
		case len(after.places(id)) == 0:
			t.Errorf("%s: job %s is in no set, so nobody will run it", when, id)
		}
	}
}

// workOff runs every job, also those dead and done, and says that nothing is left.
func (p *prepared) workOff(t *testing.T, when string) {
	t.Helper()
	p.advance(3 * time.Hour)
	left := p.keyspace(t)
	for _, name := range []string{"dead", "done"} {
		for id := range left.zset[name] {
			if err := p.in.Requeue(p.ctx, p.queue, id); err != nil {
				t.Fatalf("%s: requeue of %s: %v", when, id, err)
			}
		}
	}
	if _, err := p.b.Promote(p.ctx, p.queue, maxBatch); err != nil {
		t.Fatalf("%s: promote: %v", when, err)
	}
	for more := true; more; {
		var ds []*Delivery
		var err error
		if ds, more, err = p.b.Lease(p.ctx, p.queue, maxBatch, time.Minute); err != nil {
			t.Fatalf("%s: lease: %v", when, err)
		}
		p.held = map[string]*Delivery{}
		for _, d := range ds {
			delete(left.hash["jobs"], d.ID)
			p.held[d.ID] = d
		}
		if err := p.settle("ack", func(d *Delivery) error { return errors.Join(d.Err, p.b.Ack(p.ctx, d)) }); err != nil {
			t.Errorf("%s: ack: %v", when, err)
		}
	}
	if len(left.hash["jobs"]) > 0 {
		t.Errorf("%s: never run: %v", when, slices.Collect(maps.Keys(left.hash["jobs"])))
	}
	p.advance(2 * time.Minute)
	if _, err := p.b.Purge(p.ctx, p.queue, PurgeConfig{Limit: maxBatch}); err != nil {
		t.Fatalf("%s: purge: %v", when, err)
	}
	end := p.keyspace(t).lines()
	for _, hint := range []string{"meta", "stats", "series", "wake", "tick"} {
		delete(end, hint)
	}
	if d := difference(end, nil); d != "" {
		t.Errorf("%s: left when all was done:\n%s", when, d)
	}
}
