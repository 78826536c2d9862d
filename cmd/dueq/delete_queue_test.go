package main

import (
	"slices"
	"testing"
	"time"

	"github.com/dueq-io/dueq/internal/redistest"
	"github.com/dueq-io/dueq/queue"
)

func TestDeleteQueue(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	c := p.client()
	enqueueAll(t, c, queue.Job{Queue: "q", Kind: "k", Delay: time.Hour}, queue.Job{Queue: "other", Kind: "k"})
	p.dueq("delete-queue", "qq").failed(t, "delete queue qq: unknown queue")
	p.dueq("delete-queue", "q").failed(t, "queue has jobs: 1; --force")
	wantWords(t, p.dueq("delete-queue", "q", "--force").want(t, exitOK).out, "deleted queue q with 1 job\n")
	if names, err := c.Broker().Queues(t.Context()); err != nil || !slices.Equal(names, []string{"other"}) {
		t.Errorf("queues %v, %v", names, err)
	}

	p.dueq("pause", "q").want(t, exitOK)
	type deleted struct {
		Queue string
		Jobs  int64
	}
	if got := decode[deleted](t, p.dueq("delete-queue", "q", "--json")); got != (deleted{"q", 0}) {
		t.Errorf("as JSON %+v", got)
	}
	p.dueq("delete-queue").misused(t)
}

// Row 29: what workers serve stays until they are gone, or until it is forced.
func TestDeleteQueueThatIsServed(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	c := p.client()
	enqueueAll(t, c, queue.Job{Queue: "q", Kind: "k", ID: "a", Retain: time.Hour})
	w := background(t, p.args("worker", "--queue", "q", "--exec", "true")...)
	p.becomes(c, "a", queue.Done)
	redistest.Eventually(t, patience, func() bool {
		workers, err := c.Inspector().Workers(t.Context())
		return err == nil && len(workers) == 1
	})
	p.dueq("delete-queue", "q").failed(t, "queue is served by workers: 1; --force")
	w.stop().want(t, exitOK)
	p.dueq("delete-queue", "q").want(t, exitOK)
}
