package queue_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/dueq-io/dueq/internal/redistest"
	"github.com/dueq-io/dueq/internal/testhook"
	"github.com/dueq-io/dueq/queue"
)

func TestMain(m *testing.M) { redistest.Main(m) }

func TestSmoke(t *testing.T) {
	for name, url := range map[string]string{"redis": redistest.URL(t), "memory": "memory://"} {
		t.Run(name, func(t *testing.T) {
			ctx := context.Background()
			c, err := queue.Config{Namespace: redistest.Prefix(t)}.Open(ctx, url)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			b, in := c.Broker(), c.Inspector()
			id, err := c.Enqueue(ctx, queue.Job{Queue: "sms", Kind: "sms.send", Payload: []byte("hi"), Delay: 2 * time.Hour, Priority: queue.High, Unique: queue.Unique{Key: "x"}, Tags: []string{"a"}, Headers: map[string]string{"h": "v"}})
			if err != nil {
				t.Fatal(err)
			}
			_, err = c.Enqueue(ctx, queue.Job{Queue: "sms", Kind: "sms.send", Unique: queue.Unique{Key: "x"}})
			if !errors.Is(err, queue.ErrDuplicate) {
				t.Fatal(err)
			}
			p, err := b.Promote(ctx, "sms", 100)
			t.Log(p, err)
			testhook.ShiftTime(c, 2*time.Hour)
			p, err = b.Promote(ctx, "sms", 100)
			t.Log(p, err)
			ds, more, err := b.Lease(ctx, "sms", 10, 30*time.Second)
			t.Log(ds, more, err)
			if len(ds) != 1 || ds[0].ID != id || string(ds[0].Payload) != "hi" {
				t.Fatal(ds)
			}
			t.Logf("%+v late %v", *ds[0], ds[0].Lateness())
			if err := b.Retry(ctx, ds[0], time.Minute, errors.New("boom")); err != nil {
				t.Fatal(err)
			}
			if err := b.Ack(ctx, ds[0]); !errors.Is(err, queue.ErrLeaseLost) {
				t.Fatal(err)
			}
			qs, err := in.Queues(ctx)
			t.Logf("%+v %v", qs, err)
			testhook.ShiftTime(c, time.Minute)
			p, err = b.Promote(ctx, "sms", 100)
			t.Log(p, err)
			ds, more, err = b.Lease(ctx, "sms", 10, 30*time.Second)
			t.Logf("%+v %v %v", ds[0], more, err)
			v, err := b.Extend(ctx, ds, 30*time.Second)
			t.Log(v, err)
			if err := c.Cancel(ctx, "sms", id); !errors.Is(err, queue.ErrRunning) {
				t.Fatal(err)
			}
			v, err = b.Extend(ctx, ds, 30*time.Second)
			t.Log(v, err)
			r, err := b.Reap(ctx, "sms", queue.ReapConfig{})
			t.Log(r, err)
			pu, err := b.Purge(ctx, "sms", queue.PurgeConfig{})
			t.Log(pu, err)
			if err := b.Bury(ctx, ds[0], queue.ReasonRejected, errors.New("x")); !errors.Is(err, queue.ErrCancelled) {
				t.Fatal(err)
			}
			qs, err = in.Queues(ctx)
			t.Logf("%+v %v", qs, err)
			j, err := in.Jobs(ctx, "sms", queue.Query{})
			t.Logf("%+v %v", j, err)
		})
	}
}
