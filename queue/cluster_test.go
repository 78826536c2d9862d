package queue_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/dueq-io/dueq/internal/redistest"
	"github.com/dueq-io/dueq/queue"
)

// mainPath takes jobs of several queues through every verb.
func mainPath(t *testing.T, h *harness) {
	t.Helper()
	names := []string{sms, "callback", "mail", "conn"}
	for _, name := range names {
		for i := range 3 {
			h.enqueue(queue.Job{Queue: name, Priority: queue.Priority(i), Unique: queue.Unique{Key: fmt.Sprint(i)}})
		}
	}
	_, err := h.c.EnqueueMany(h.ctx, []queue.Job{
		{Queue: sms, Kind: "k", ID: "delayed", Delay: time.Minute},
		{Queue: "mail", Kind: "k", Delay: time.Minute},
		{Queue: sms, Kind: "k", ID: "soon", Delay: time.Hour},
		{Queue: sms, Kind: "k", ID: "never", Delay: time.Hour},
	})
	h.ok(err)
	if got, err := h.b.Queues(h.ctx); err != nil || len(got) != len(names) {
		t.Fatalf("queues %v, %v", got, err)
	}
	for _, group := range h.b.WaitGroups(names) {
		if woken, err := h.b.WaitReady(h.ctx, group, time.Second); err != nil || woken == "" {
			t.Fatalf("wait for %v: %q, %v", group, woken, err)
		}
		if ready, err := h.b.AnyReady(h.ctx, group); err != nil || !ready {
			t.Fatalf("any of %v: %v, %v", group, ready, err)
		}
	}
	ds := h.lease(3)
	verdicts, err := h.b.Extend(h.ctx, ds, leaseTime)
	h.ok(errors.Join(append(verdicts, err)...))
	ds[0].Mark("mark", time.Hour)
	h.ok(h.b.Ack(h.ctx, ds[0]))
	if is, err := h.b.Marked(h.ctx, sms, "mark"); err != nil || !is {
		t.Fatalf("marked %v, %v", is, err)
	}
	h.ok(h.b.Retry(h.ctx, ds[1], time.Second, errors.New("failed")))
	h.ok(h.b.Bury(h.ctx, ds[2], queue.ReasonRejected, errors.New("failed")))
	h.ok(h.in.Requeue(h.ctx, sms, ds[2].ID))
	h.ok(h.c.Reschedule(h.ctx, sms, "soon", time.Second))
	h.ok(h.c.Cancel(h.ctx, sms, "never"))
	h.advance(time.Minute)
	h.promote(3)
	ds = h.lease(4)
	h.ok(h.b.Snooze(h.ctx, ds[0], time.Second))
	h.ok(h.b.Release(h.ctx, ds[1]))
	h.ok(h.b.Drop(h.ctx, ds[2]))
	if r := h.reapAfter(leaseTime, queue.ReapConfig{}); r.Readied != 1 {
		t.Fatalf("reaped %+v", r)
	}
	h.purge(keepAll)
	h.ok(h.in.Pause(h.ctx, sms))
	if _, _, err := h.b.Lease(h.ctx, sms, 1, leaseTime); !errors.Is(err, queue.ErrPaused) {
		t.Fatal(err)
	}
	h.ok(h.in.Resume(h.ctx, sms))
	h.wantDepth(map[queue.State]int64{queue.Ready: 2, queue.Delayed: 1})
	infos, err := h.in.Queues(h.ctx)
	if h.ok(err); len(infos) != len(names) || infos[1].Ready != 3 {
		t.Fatalf("queues %+v", infos)
	}
	defer h.b.JoinWorker("w", aReport, noWish)()
	h.ok(queue.Beat(h.c))
	workers, err := h.in.Workers(h.ctx)
	if h.ok(err); len(workers) != 1 {
		t.Fatalf("workers %+v", workers)
	}
	h.ok(h.in.QuietWorker(h.ctx, workers[0].ID))
	horizons, err := h.in.Horizons(h.ctx, []time.Duration{time.Hour})
	if h.ok(err); len(horizons) != len(names) {
		t.Fatalf("horizons %+v", horizons)
	}
	activity, err := h.in.Activity(h.ctx, time.Hour)
	if h.ok(err); len(activity) != len(names) || activity[3].Started+activity[3].Requeued == 0 {
		t.Fatalf("activity %+v", activity)
	}
	page, err := h.in.Jobs(h.ctx, sms, queue.Query{})
	if h.ok(err); len(page.Jobs) != 3 {
		t.Fatalf("jobs %+v", page.Jobs)
	}
}

// Every key that a script touches is declared and carries the queue's hash tag: a cluster refuses
// anything else.
func TestOpenCluster(t *testing.T) {
	t.Parallel()
	server := redistest.StartCluster(t)
	h := open(t, server.URL()+",127.0.0.1:1", queue.Config{})
	mainPath(t, h)
	if groups := h.b.WaitGroups([]string{"a", "b"}); len(groups) != 2 {
		t.Errorf("one call would wait for %v", groups)
	}

	// WAIT speaks of its own connection, which has to be that of the job's slot.
	strict := open(t, server.URL(), queue.Config{Durability: queue.Replicated(1, time.Millisecond)})
	id, err := strict.c.Enqueue(h.ctx, withDefaults(queue.Job{}))
	unconfirmed(t, err, 1, 0)
	strict.wantState(id, queue.Ready)
}

// A confirmed write goes to the node of the slot, past what of go-redis follows a slot that has moved.
func TestConfirmedFollowsASlot(t *testing.T) {
	t.Parallel()
	from := redistest.StartCluster(t)
	to := redistest.StartTCP(t, "--cluster-enabled", "yes", "--cluster-announce-ip", "127.0.0.1")
	h := open(t, from.URL(), queue.Config{Durability: queue.Replicated(1, time.Millisecond)})
	_, err := h.c.Enqueue(h.ctx, withDefaults(queue.Job{}))
	unconfirmed(t, err, 1, 0)

	moveSlot(t, from, to, "{"+sms+"}")
	id, err := h.c.Enqueue(h.ctx, withDefaults(queue.Job{}))
	unconfirmed(t, err, 1, 0)
	h.wantState(id, queue.Ready)
}

// moveSlot moves the slot of a key and all that is in it to a node that joins the cluster for this.
func moveSlot(t *testing.T, from, to *redistest.Server, key string) {
	t.Helper()
	ctx := t.Context()
	ok := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	node := map[*redistest.Server]string{}
	for _, s := range []*redistest.Server{from, to} {
		id, err := s.Client().Do(ctx, "CLUSTER", "MYID").Text()
		ok(err)
		node[s] = id
	}
	host, port := split(to.Addr())
	ok(from.Client().ClusterMeet(ctx, host, port).Err())
	redistest.Eventually(t, 20*time.Second, func() bool {
		return strings.Contains(to.Client().ClusterInfo(ctx).Val(), "cluster_state:ok") &&
			strings.Contains(from.Client().ClusterNodes(ctx).Val(), node[to]+" 127.0.0.1")
	}, "the nodes did not meet")
	slot := from.Client().ClusterKeySlot(ctx, key).Val()
	ok(to.Client().Do(ctx, "CLUSTER", "SETSLOT", slot, "IMPORTING", node[from]).Err())
	ok(from.Client().Do(ctx, "CLUSTER", "SETSLOT", slot, "MIGRATING", node[to]).Err())
	for _, key := range from.Client().ClusterGetKeysInSlot(ctx, int(slot), 100).Val() {
		ok(from.Client().Migrate(ctx, host, port, key, 0, 5*time.Second).Err())
	}
	for _, s := range []*redistest.Server{to, from} {
		ok(s.Client().Do(ctx, "CLUSTER", "SETSLOT", slot, "NODE", node[to]).Err())
	}
}
