package queue_test

import (
	"errors"
	"testing"
	"time"

	"github.com/dueq-io/dueq/internal/redistest"
	"github.com/dueq-io/dueq/queue"
)

// unconfirmed says that an error is that of want confirmations of which got came.
func unconfirmed(t *testing.T, err error, want, got int) {
	t.Helper()
	var e *queue.UnconfirmedError
	if !errors.Is(err, queue.ErrUnconfirmed) || !errors.As(err, &e) || e.Want != want || e.Got != got {
		t.Fatalf("got %v, want %d of %d confirmations", err, got, want)
	}
}

// Row 10: a replica was asked for and there is none. The job exists, its ID comes with the error, and
// repeating the call says the same and makes no second job.
func TestReplicatedWithoutAReplica(t *testing.T) {
	t.Parallel()
	h := open(t, redistest.StartTCP(t).URL(), queue.Config{Durability: queue.Replicated(1, 20*time.Millisecond)})
	job := withDefaults(queue.Job{Payload: []byte("a")})
	id, err := h.c.Enqueue(h.ctx, job)
	unconfirmed(t, err, 1, 0)
	h.wantState(id, queue.Ready)

	job.ID = id
	again, err := h.c.Enqueue(h.ctx, job)
	unconfirmed(t, err, 1, 0)
	if again != id {
		t.Fatalf("id %q, then %q", id, again)
	}
	h.wantDepth(map[queue.State]int64{queue.Ready: 1})

	results, err := h.c.EnqueueMany(h.ctx, []queue.Job{withDefaults(queue.Job{}), withDefaults(queue.Job{})})
	unconfirmed(t, err, 1, 0)
	for _, r := range results {
		unconfirmed(t, r.Err, 1, 0)
		h.wantState(r.ID, queue.Ready)
	}
	// What the queue refuses is refused, confirmed or not.
	h.ok(h.in.CloseIntake(h.ctx, sms))
	if err := h.try(queue.Job{}); !errors.Is(err, queue.ErrIntakeClosed) {
		t.Fatal(err)
	}
	// Other verbs wait for nothing: losing one only means that the job runs again.
	h.ok(h.b.Ack(h.ctx, h.lease(1)[0]))
}

// With a replica that follows, nil means that it has the job; one that has stopped is told, and the same
// ID is confirmed once it follows again, though the call changes nothing.
func TestReplicatedWithAReplica(t *testing.T) {
	t.Parallel()
	master := redistest.StartTCP(t, "--repl-diskless-sync-delay", "0")
	host, port := split(master.Addr())
	replica := redistest.Start(t, "--replicaof", host+" "+port)
	copied := replica.Client()
	redistest.Eventually(t, 20*time.Second, func() bool {
		return queue.ParseInfo(copied.Info(t.Context(), "replication").Val())["master_link_status"] == "up"
	}, "the replica did not follow")

	h := open(t, master.URL(), queue.Config{Durability: queue.Replicated(1, 10*time.Second)})
	id := h.enqueue(queue.Job{})
	if ok, err := copied.HExists(t.Context(), h.key("jobs"), id).Result(); !ok || err != nil {
		t.Fatalf("the replica has the job: %v, %v", ok, err)
	}

	replica.Pause()
	strict := open(t, master.URL(), queue.Config{
		Durability: queue.Replicated(1, 20*time.Millisecond), Namespace: h.c.Namespace(),
	})
	job := withDefaults(queue.Job{ID: "a"})
	_, err := strict.c.Enqueue(h.ctx, job)
	unconfirmed(t, err, 1, 0)
	replica.Continue()
	h.ok(h.try(job))
	h.wantDepth(map[queue.State]int64{queue.Ready: 2})
}

// What a server cannot do is refused at start, not at the first job.
func TestFsyncedOnAnOldServer(t *testing.T) {
	t.Parallel()
	if major, minor := versionOf(t); major > 7 || minor >= 2 {
		t.Skip("this server has WAITAOF")
	}
	cfg := queue.Config{Durability: queue.Fsynced(time.Second)}
	if _, err := cfg.Open(t.Context(), urlOf(t)); !errors.Is(err, queue.ErrUnfit) {
		t.Fatalf("got %v, want %v", err, queue.ErrUnfit)
	}
}

// A durability that says nothing sensible is refused with the rest of the configuration.
func TestDurabilityInvalid(t *testing.T) {
	t.Parallel()
	for _, d := range []queue.Durability{
		queue.Replicated(0, time.Second), queue.Replicated(-1, time.Second), queue.Replicated(1, 0),
		queue.Replicated(1, time.Hour), queue.Fsynced(0), queue.Fsynced(-time.Second),
	} {
		if _, err := (queue.Config{Durability: d}).Open(t.Context(), "memory://"); !errors.Is(err, queue.ErrInvalid) {
			t.Errorf("%+v: %v", d, err)
		}
	}
}
