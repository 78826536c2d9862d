package queue_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/dueq-io/dueq/queue"
)

// slowLink is a go-redis hook: a reply with records takes its time, and a time-out cuts off those of
// more than so many bytes.
type slowLink struct {
	most  int
	takes time.Duration
	calls int
}

func (*slowLink) DialHook(next redis.DialHook) redis.DialHook { return next }

func (*slowLink) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

func (l *slowLink) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		err := next(ctx, cmd)
		reply, ok := cmd.(*redis.SliceCmd)
		if !ok || cmd.Name() != "hmget" {
			return err
		}
		l.calls++
		size := 0
		for _, word := range reply.Val() {
			record, _ := word.(string)
			size += len(record)
		}
		<-time.After(l.takes)
		if size > l.most {
			return os.ErrDeadlineExceeded
		}
		return err
	}
}

// Large records come over a slow link in parts, whatever number is leased at once: read together they
// would be cut off by the time-out, given back and leased again, for ever.
func TestLeaseReadsLargeRecordsInParts(t *testing.T) {
	onEach(t, func(t *testing.T, h *harness) {
		const jobs = 40
		for i := range jobs {
			h.enqueue(queue.Job{ID: fmt.Sprint("job-", i), Payload: make([]byte, 128<<10)})
		}
		queue.Connection(h.c).AddHook(&slowLink{most: 3 << 20})
		var came []string
		for range 3 {
			ds, _, err := h.b.Lease(h.ctx, sms, jobs, leaseTime)
			if err != nil {
				t.Logf("after %d jobs: %v", len(came), err)
			}
			came = append(came, idsOf(ds)...)
		}
		if len(came) != jobs || came[0] != "job-0" || came[jobs-1] != "job-39" {
			t.Fatalf("%d of %d jobs were leased: %v", len(came), jobs, came)
		}
	})
}

// Records that are too large for even the first part: parts become smaller until they come through.
func TestLeaseFindsTheSizeThatPasses(t *testing.T) {
	onEach(t, func(t *testing.T, h *harness) {
		for i := range 40 {
			h.enqueue(queue.Job{ID: fmt.Sprint("job-", i), Payload: make([]byte, 128<<10)})
		}
		queue.Connection(h.c).AddHook(&slowLink{most: 300 << 10})
		came := 0
		for range 40 {
			ds, _, _ := h.b.Lease(h.ctx, sms, 40, leaseTime)
			came += len(ds)
		}
		if came != 40 {
			t.Fatalf("%d of 40 jobs were leased", came)
		}
	})
}

// Small records still come in one call.
func TestLeaseReadsSmallRecordsAtOnce(t *testing.T) {
	onEach(t, func(t *testing.T, h *harness) {
		link := &slowLink{most: 1 << 30}
		queue.Connection(h.c).AddHook(link)
		for range 2 {
			for i := range 200 {
				h.enqueue(queue.Job{ID: fmt.Sprint("job-", i), Retain: -1})
			}
			link.calls = 0
			for _, d := range h.lease(200) {
				h.ok(h.b.Ack(h.ctx, d))
			}
		}
		if link.calls != 1 {
			t.Errorf("%d calls for 200 small records", link.calls)
		}
	})
}

// Reading stops when a third of the lease is over: what is not read by then is given back uncharged, not
// left to run out.
func TestLeaseGivesBackWhatTakesTooLong(t *testing.T) {
	onEach(t, func(t *testing.T, h *harness) {
		const jobs = 12
		var ids []string
		for i := range jobs {
			ids = append(ids, h.enqueue(queue.Job{ID: fmt.Sprint("job-", i), Payload: make([]byte, 700<<10)}))
		}
		h.lease(1) // the size of a record is known
		queue.Connection(h.c).AddHook(&slowLink{most: 1 << 30, takes: 200 * time.Millisecond})
		ds, _, err := h.b.Lease(h.ctx, sms, jobs, queue.MinLease)
		h.ok(err)
		if n := len(ds); n == 0 || n > 4 {
			t.Fatalf("%d jobs came at 200 ms each", n)
		}
		rest := h.lease(jobs)
		equal(t, slices.Concat(idsOf(ds), idsOf(rest)), ids[1:])
		if rest[0].Attempt != 1 {
			t.Errorf("a job that was given back was charged: attempt %d", rest[0].Attempt)
		}
	})
}
