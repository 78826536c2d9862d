package queue_test

import (
	"errors"
	"testing"

	"github.com/dueq-io/dueq/queue"
)

// damages are what can become of an envelope's bytes, and what Lease then says.
var damages = map[string]struct {
	want   error
	damage func(record string) string
}{
	"newer version": {queue.ErrNewerVersion, func(r string) string { return "\x02" + r[1:] }},
	"version 0":     {queue.ErrDamaged, func(r string) string { return "\x00" + r[1:] }},
	"flipped bit":   {queue.ErrDamaged, func(r string) string { return r[:len(r)-1] + string([]byte{r[len(r)-1] ^ 1}) }},
	"cut off":       {queue.ErrDamaged, func(r string) string { return r[:len(r)-3] }},
	"one byte":      {queue.ErrDamaged, func(r string) string { return r[:1] }},
	"empty":         {queue.ErrDamaged, func(string) string { return "" }},
	"foreign":       {queue.ErrDamaged, func(string) string { return "\x01{\"kind\":\"sms.send\",\"payload\":\"x\"}" }},
}

// An envelope that cannot be read, damaged or of a newer dueq, blocks nothing: it comes with its error
// and its bytes, is buried with them, and the jobs beside it go on.
func TestDamagedEnvelope(t *testing.T) {
	for name, c := range damages {
		t.Run(name, func(t *testing.T) {
			onEach(t, func(t *testing.T, h *harness) {
				for _, id := range []string{"before", "bad", "after"} {
					h.enqueue(queue.Job{ID: id, Payload: []byte("payload"), Retain: -1})
				}
				bytes := c.damage(h.rdb.HGet(h.ctx, h.key("jobs"), "bad").Val())
				h.ok(h.rdb.HSet(h.ctx, h.key("jobs"), "bad", bytes).Err())
				h.refused(queue.ErrConflict, func() error { return h.try(queue.Job{ID: "bad", Payload: []byte("payload")}) })

				ds := h.lease(5)
				equal(t, idsOf(ds), []string{"before", "bad", "after"})
				for _, d := range ds {
					if d.ID != "bad" {
						if d.Err != nil || string(d.Payload) != "payload" {
							t.Errorf("%s: %v", d.ID, d.Err)
						}
						h.ok(h.b.Ack(h.ctx, d))
						continue
					}
					if !errors.Is(d.Err, c.want) || string(d.Payload) != bytes || d.Queue != sms || d.Token == 0 {
						t.Errorf("%+v, want %v", d, c.want)
					}
					h.ok(h.b.Bury(h.ctx, d, queue.ReasonDamaged, d.Err))
				}
				info := h.job("bad")
				if info.State != queue.Dead || info.Reason != queue.ReasonDamaged || string(info.Payload) != bytes ||
					!errors.Is(info.Err, c.want) || len(info.Errors) != 1 || info.Failures != 0 {
					t.Errorf("job %+v", info)
				}
				page, err := h.in.Jobs(h.ctx, sms, queue.Query{})
				h.ok(err)
				if len(page.Jobs) != 1 || string(page.Jobs[0].Payload) != bytes {
					t.Errorf("listed %+v", page.Jobs)
				}
			})
		})
	}
}

// A newer worker may know what this one does not: the buried bytes, requeued, are what they were.
func TestDamagedEnvelopeIsRequeued(t *testing.T) {
	onEach(t, func(t *testing.T, h *harness) {
		id := h.enqueue(queue.Job{Payload: []byte("payload")})
		good := h.rdb.HGet(h.ctx, h.key("jobs"), id).Val()
		h.ok(h.rdb.HSet(h.ctx, h.key("jobs"), id, "\x02"+good[1:]).Err())
		h.ok(h.b.Bury(h.ctx, h.leaseOne(), queue.ReasonDamaged, nil))
		h.ok(h.in.Requeue(h.ctx, sms, id))
		h.ok(h.rdb.HSet(h.ctx, h.key("jobs"), id, "\x01"+h.rdb.HGet(h.ctx, h.key("jobs"), id).Val()[1:]).Err())
		if d := h.leaseOne(); d.Err != nil || string(d.Payload) != "payload" {
			t.Fatalf("leased %+v", d)
		}
	})
}

// A faults entry that cannot be read counts as none, and stops neither a worker nor the reaper.
func TestDamagedFaults(t *testing.T) {
	for _, entry := range []string{"", "x", "1 2", "1 1 - not json", "-1 0 - []", "1 1@@7 done x", "1 1@x - []"} {
		t.Run(entry, func(t *testing.T) {
			onEach(t, func(t *testing.T, h *harness) {
				for _, id := range []string{"a", "b", "c", "d"} {
					h.enqueue(queue.Job{ID: id})
					h.ok(h.rdb.HSet(h.ctx, h.key("faults"), id, entry).Err())
				}
				ds := h.lease(4)
				h.ok(h.b.Retry(h.ctx, ds[0], 0, errors.New("x")))
				h.ok(h.b.Bury(h.ctx, ds[1], queue.ReasonRejected, errors.New("x")))
				h.ok(h.b.Ack(h.ctx, ds[2]))
				if r := h.reapAfter(leaseTime, queue.ReapConfig{}); r.Readied+r.Buried != 1 {
					t.Fatalf("reaped %+v", r)
				}
				_, err := h.in.Jobs(h.ctx, sms, queue.Query{})
				h.ok(err)
			})
		})
	}
}
