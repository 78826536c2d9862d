package main

import (
	"strings"
	"testing"

	"github.com/dueq-io/dueq/internal/redistest"
	"github.com/dueq-io/dueq/queue"
)

func TestSwitches(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	c := p.client()
	info := func() queue.QueueInfo {
		info, err := c.Inspector().Queue(t.Context(), "q")
		if err != nil {
			t.Fatal(err)
		}
		return info
	}
	wantWords(t, p.dueq("pause", "q").want(t, exitOK).out, "paused q, which has had no job yet")
	wantWords(t, p.dueq("close", "q").want(t, exitOK).out, "closed q\n")
	p.dueq("limit", "q", "--max-len", "1").want(t, exitOK)
	if i := info(); !i.Paused || !i.Closed || i.MaxLen != 1 {
		t.Errorf("%+v", i)
	}
	p.dueq("enqueue", "q", "k").failed(t, "closed")
	wantWords(t, p.dueq("open", "q").want(t, exitOK).out, "opened q\n")
	p.dueq("enqueue", "q", "k").want(t, exitOK)
	p.dueq("enqueue", "q", "k").failed(t, "queue is full")
	p.dueq("resume", "q").want(t, exitOK)
	wantWords(t, p.dueq("limit", "q", "--max-len", "0").want(t, exitOK).out, "took the limit from q")
	if i := info(); i.Paused || i.Closed || i.MaxLen != 0 {
		t.Errorf("%+v", i)
	}
	p.dueq("limit", "q", "--max-len=-1").failed(t, "length")
	p.dueq("pause", "q q").failed(t, "queue")
}

// TestOperatorsReachAnUnfitServer: what is wrong with a server must not keep them from it.
func TestOperatorsReachAnUnfitServer(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, "--maxmemory-policy", "allkeys-lru")
	for _, line := range []string{"queues", "jobs q", "pause q", "resume q"} {
		dueq(t, append(strings.Fields(line), "--redis", server.URL())...).want(t, exitOK)
	}
	dueq(t, "enqueue", "q", "k", "--redis", server.URL()).failed(t, "noeviction")
	dueq(t, "enqueue", "q", "k", "--redis", server.URL(), "--accept-data-loss").want(t, exitOK)
}
