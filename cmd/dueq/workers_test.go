package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/dueq-io/dueq/internal/redistest"
	"github.com/dueq-io/dueq/queue"
)

// A worker is seen with what it does, told to be quiet, and stopped; its process ends then with all that runs
// beside it.
func TestWorkers(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	if r := p.dueq("workers").want(t, exitOK); r.out != "" || !strings.Contains(r.err, "alive") {
		t.Errorf("of nobody: %q and %q", r.out, r.err)
	}
	if f := decode[queue.Fleet](t, p.dueq("workers", "--json").want(t, exitOK)); f.Workers == nil || len(f.Workers) != 0 {
		t.Errorf("of nobody: %+v", f)
	}
	d := background(t, p.args("worker", "--queue", "q=3", "--exec", "true", "--concurrency", "5")...)
	var f queue.Fleet
	redistest.Eventually(t, patience, func() bool {
		f = decode[queue.Fleet](t, p.dueq("workers", "--json").want(t, exitOK))
		return len(f.Workers) == 1 && len(f.Schedulers) == 1
	}, "it is not seen")
	w := f.Workers[0]
	if w.Queues["q"] != 3 || w.Concurrency != 5 || w.State != queue.WorkerRunning {
		t.Errorf("%+v", w)
	}
	c := p.client()
	enqueueAll(t, c, queue.Job{Queue: "q", Kind: "k"}, queue.Job{Queue: "q", Kind: "k"})
	redistest.Eventually(t, patience, func() bool {
		lines := strings.Split(p.dueq("workers").want(t, exitOK).out, "\n")
		fields := strings.Fields(lines[1])
		return fields[0] == w.ID && slices.Contains(fields, "0/5") && slices.Contains(fields, "2") && slices.Contains(fields, "q")
	}, "the jobs that are done are not seen")

	type view struct {
		Name          string     `json:"name"`
		Workers       int        `json:"workers"`
		OldestReadyMS *int64     `json:"oldest_ready_ms"`
		Recent        recentView `json:"last_5m"`
	}
	q := decode[[]view](t, p.dueq("queues", "--json").want(t, exitOK))[0]
	if q.Name != "q" || q.Workers != 1 || q.OldestReadyMS == nil || q.Recent.In == 0 || q.Recent.Done == 0 || q.Recent.Lateness.P99 == nil ||
		q.Recent.Wait.P50 == nil || q.Recent.PromoteLag.P50 != nil || q.Recent.Failed != 0 {
		t.Errorf("%+v", q)
	}
	if fields := strings.Fields(strings.Split(p.dueq("queues").want(t, exitOK).out, "\n")[1]); fields[len(fields)-2] != "1" || fields[len(fields)-3] == "-" {
		t.Errorf("%q", fields)
	}

	wantWords(t, p.dueq("workers", w.ID, "--quiet").want(t, exitOK).out, "asked "+w.ID)
	redistest.Eventually(t, patience, func() bool {
		return strings.Contains(p.dueq("workers").want(t, exitOK).out, "quiet")
	}, "it is not quiet")
	p.dueq("workers", w.ID, "--stop").want(t, exitOK)
	d.wait().want(t, exitOK)
	if f := decode[queue.Fleet](t, p.dueq("workers", "--json").want(t, exitOK)); len(f.Workers)+len(f.Schedulers) > 0 {
		t.Errorf("left behind: %+v", f)
	}
	p.dueq("workers", w.ID, "--stop").failed(t, "no such worker")
}

func TestWorkersMisused(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.dueq("workers", "x").misused(t, "--quiet or --stop")
	p.dueq("workers", "--quiet").misused(t, "name the workers")
	p.dueq("workers", "x", "--quiet", "--stop").misused(t, "quiet")
	p.dueq("workers", "x", "--quiet", "--json").misused(t, "quiet")
}
