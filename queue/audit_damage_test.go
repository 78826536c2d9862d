package queue_test

import (
	"errors"
	"maps"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/dueq-io/dueq/queue"
)

const ms1 = "00000000000010000000000001"

// disorders are planted one at a time, in a queue with a job in each state by that name.
var disorders = []struct {
	name  string
	plant func(h *harness)
	found map[queue.Disorder]int
	// job is where the job is to be when all is mended.
	job   string
	state queue.State
}{
	{"orphan", func(h *harness) {
		h.rdb.ZRem(h.ctx, h.key("delayed"), "delayed")
	}, map[queue.Disorder]int{queue.Orphan: 1}, "delayed", queue.Ready},
	{"orphan of high priority", func(h *harness) {
		h.rdb.Del(h.ctx, h.key("high"))
	}, map[queue.Disorder]int{queue.Orphan: 1}, "ready-high", queue.Ready},
	{"orphan whose entry is taken for a ghost", func(h *harness) {
		h.rdb.HSet(h.ctx, h.key("ghosts"), "nready", 1)
	}, map[queue.Disorder]int{queue.Orphan: 1}, "ready", queue.Ready},
	{"delayed and retrying", func(h *harness) {
		h.rdb.ZAdd(h.ctx, h.key("delayed"), redis.Z{Score: 1, Member: "retrying"})
	}, map[queue.Disorder]int{queue.Twice: 1}, "retrying", queue.Retrying},
	{"leased and delayed", func(h *harness) {
		h.rdb.ZAdd(h.ctx, h.key("delayed"), redis.Z{Score: 1, Member: "leased"})
	}, map[queue.Disorder]int{queue.Twice: 1}, "leased", queue.Leased},
	{"leased and ready", func(h *harness) {
		h.rdb.RPush(h.ctx, h.key("ready"), ms1+"leased")
	}, map[queue.Disorder]int{queue.Twice: 1}, "leased", queue.Leased},
	{"delayed and ready", func(h *harness) {
		h.rdb.LPush(h.ctx, h.key("high"), ms1+"delayed")
	}, map[queue.Disorder]int{queue.Twice: 1}, "delayed", queue.Delayed},
	{"ready and dead", func(h *harness) {
		h.rdb.ZAdd(h.ctx, h.key("dead"), redis.Z{Score: 1, Member: "ready"})
	}, map[queue.Disorder]int{queue.Twice: 1}, "ready", queue.Ready},
	{"dead and done", func(h *harness) {
		h.rdb.ZAdd(h.ctx, h.key("done"), redis.Z{Score: 1, Member: "dead"})
	}, map[queue.Disorder]int{queue.Twice: 1}, "dead", queue.Dead},
	{"ready twice", func(h *harness) {
		h.rdb.RPush(h.ctx, h.key("ready"), ms1+"ready")
	}, map[queue.Disorder]int{queue.Twice: 1}, "ready", queue.Ready},
	{"ready in another list", func(h *harness) {
		h.rdb.Del(h.ctx, h.key("ready"))
		h.rdb.RPush(h.ctx, h.key("low"), ms1+"ready")
	}, map[queue.Disorder]int{queue.Misranked: 1}, "ready", queue.Ready},
	{"noted under another priority", func(h *harness) {
		h.rdb.HSet(h.ctx, h.key("priority"), "delayed", "h")
	}, map[queue.Disorder]int{queue.Misranked: 1}, "delayed", queue.Delayed},
	{"members without a record", func(h *harness) {
		h.rdb.HIncrBy(h.ctx, h.key("stats"), "lease", 1)
		for _, set := range []string{"delayed", "retry", "leased", "dead", "done"} {
			h.rdb.ZAdd(h.ctx, h.key(set), redis.Z{Score: 1, Member: "nobody-" + set})
		}
	}, map[queue.Disorder]int{queue.Stray: 5}, "nobody-delayed", gone},
	{"entries without a record", func(h *harness) {
		h.rdb.RPush(h.ctx, h.key("ready"), ms1+"nobody", "short")
	}, map[queue.Disorder]int{queue.Stray: 2}, "nobody", gone},
	{"a lease without a token", func(h *harness) {
		h.rdb.HDel(h.ctx, h.key("tokens"), "leased")
	}, map[queue.Disorder]int{queue.LeaseTorn: 1}, "leased", queue.Ready},
	{"a token without a lease", func(h *harness) {
		h.rdb.HSet(h.ctx, h.key("tokens"), "delayed", "1")
	}, map[queue.Disorder]int{queue.LeaseTorn: 1}, "delayed", queue.Delayed},
	{"a token and no place", func(h *harness) {
		h.rdb.ZRem(h.ctx, h.key("leased"), "leased")
	}, map[queue.Disorder]int{queue.LeaseTorn: 1}, "leased", queue.Leased},
	{"notes of nobody", func(h *harness) {
		h.rdb.HSet(h.ctx, h.key("faults"), "faulty", "1 0 - ")
		h.rdb.HSet(h.ctx, h.key("priority"), "ranked", "h")
		h.rdb.HSet(h.ctx, h.key("tokens"), "held", "1")
		h.rdb.HSet(h.ctx, h.key("unique"), "job:locker", "d other")
	}, map[queue.Disorder]int{queue.Note: 4}, "faulty", gone},
	{"ghosts of nobody", func(h *harness) {
		h.rdb.HSet(h.ctx, h.key("ghosts"), "nnobody", 2, "hdelayed", 1, "lready", "odd")
	}, map[queue.Disorder]int{queue.Ghosts: 3}, "ready", queue.Ready},
	{"damaged", func(h *harness) {
		h.rdb.HSet(h.ctx, h.key("jobs"), "delayed", "\x01no record", "nowhere", "")
		h.rdb.HIncrBy(h.ctx, h.key("stats"), "enqueue", 1)
	}, map[queue.Disorder]int{queue.Damaged: 2, queue.Orphan: 1}, "delayed", queue.Dead},
	{"locks", func(h *harness) {
		h.rdb.HSet(h.ctx, h.key("unique"), "key:a", "0 nobody", "key:b", "0 dead", "key:c", "odd", "key:d", "0 ready")
		h.rdb.HDel(h.ctx, h.key("unique"), "job:delayed") // is told again
	}, map[queue.Disorder]int{queue.Lock: 5}, "delayed", queue.Delayed},
	{"counters and a mark", func(h *harness) {
		h.rdb.HSet(h.ctx, h.key("stats"), "enqueue", 3, "lease", 2)
		h.rdb.HSet(h.ctx, h.key("meta"), "token", 1)
		h.rdb.HSet(h.ctx, h.key("marks"), "odd", "never")
	}, map[queue.Disorder]int{queue.Counter: 3, queue.Mark: 1}, "ready", queue.Ready},
	{"a key of another type", func(h *harness) {
		h.rdb.Del(h.ctx, h.key("ready"))
		h.rdb.Set(h.ctx, h.key("ready"), "mine", 0)
	}, map[queue.Disorder]int{queue.WrongType: 1}, "delayed", queue.Delayed},
}

// everyState makes a job in each state, named after it.
func (h *harness) everyState() {
	h.t.Helper()
	for _, id := range []string{"retrying", "dead", "done", "leased"} {
		h.enqueue(queue.Job{ID: id, Retain: time.Hour, Unique: queue.Unique{Key: "u-" + id}})
		d := h.leaseOne()
		switch id {
		case "retrying":
			h.ok(h.b.Retry(h.ctx, d, time.Hour, errOops))
		case "dead":
			h.ok(h.b.Bury(h.ctx, d, queue.ReasonRejected, errOops))
		case "done":
			h.ok(h.b.Ack(h.ctx, d))
		}
	}
	h.enqueue(queue.Job{ID: "ghost", Priority: queue.Low})
	h.ok(h.c.Cancel(h.ctx, sms, "ghost"))
	h.enqueue(queue.Job{ID: "delayed", Delay: time.Hour, Unique: queue.Unique{Key: "u-delayed"}})
	h.enqueue(queue.Job{ID: "ready"})
	h.enqueue(queue.Job{ID: "ready-high", Priority: queue.High})
}

func (h *harness) audit(repair bool) queue.AuditReport {
	h.t.Helper()
	report, err := h.in.Audit(h.ctx, sms, queue.AuditConfig{Repair: repair})
	h.ok(err)
	if report.Unsettled > 0 || report.Mended != repair {
		h.t.Fatalf("report %+v", report)
	}
	return report
}

// Damage of each kind is found without a change to any key, mended, and found no more; and what is in order
// is left alone.
func TestAuditFindsDamage(t *testing.T) {
	onEach(t, func(t *testing.T, h *harness) {
		h.everyState()
		h.unchanged(func() {
			if report := h.audit(true); report.Total() > 0 || report.Jobs != 7 {
				t.Fatalf("in a queue in order: %+v", report)
			}
		})
	})
	for _, damage := range disorders {
		t.Run(damage.name, func(t *testing.T) {
			onEach(t, func(t *testing.T, h *harness) {
				h.everyState()
				damage.plant(h)
				h.unchanged(func() {
					if report := h.audit(false); !maps.Equal(report.Found, damage.found) {
						t.Fatalf("found %v, want %v: %+v", report.Found, damage.found, report.Findings)
					}
				})
				report := h.audit(true)
				for kind, n := range damage.found {
					if report.Found[kind] != n {
						t.Fatalf("mended %v, want %v", report.Findings, damage.found)
					}
				}
				h.wantState(damage.job, damage.state)
				if damage.found[queue.WrongType] > 0 {
					h.audit(true) // what was behind the key
				}
				h.unchanged(func() {
					if report := h.audit(true); report.Total() > 0 {
						t.Fatalf("found again: %+v", report.Findings)
					}
				})
				if damage.state == queue.Ready {
					for _, d := range h.lease(100) {
						if d.ID == damage.job {
							return
						}
					}
					t.Fatalf("%s is not run", damage.job)
				}
			})
		})
	}
}

// Names of queues and keys are compared in both directions.
func TestAuditNames(t *testing.T) {
	onEach(t, func(t *testing.T, h *harness) {
		h.enqueue(queue.Job{})
		h.enqueue(queue.Job{Queue: "other"})
		names := h.c.Namespace() + ":queues"
		h.ok(h.rdb.SRem(h.ctx, names, sms).Err())
		h.ok(h.rdb.SAdd(h.ctx, names, "nothing").Err())
		for _, repair := range []bool{false, true} {
			found, err := h.in.AuditNames(h.ctx, repair)
			h.ok(err)
			if len(found) != 2 || found[0].Kind != queue.NoName || found[0].ID != sms || found[1].Kind != queue.NoKeys || found[1].ID != "nothing" {
				t.Fatalf("found %+v", found)
			}
		}
		found, err := h.in.AuditNames(h.ctx, true)
		h.ok(err)
		if len(found) > 0 {
			t.Fatalf("found again: %+v", found)
		}
		members, err := h.rdb.SMembers(h.ctx, names).Result()
		h.ok(err)
		if len(members) != 2 {
			t.Fatalf("queues %v", members)
		}
	})
}

var errOops = errors.New("oops")
