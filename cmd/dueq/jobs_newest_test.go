package main

import (
	"strings"
	"testing"
	"time"

	"github.com/dueq-io/dueq/queue"
)

// Row 42: the newest jobs, the newest first.
func TestJobsNewest(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	jobs := make([]queue.Job, 150)
	for i := range jobs {
		jobs[i] = queue.Job{Queue: "q", Kind: "k", Delay: time.Duration(i%2) * 90 * time.Minute}
	}
	results, err := p.client().EnqueueMany(t.Context(), jobs)
	if err != nil {
		t.Fatal(err)
	}
	r := p.dueq("jobs", "q", "--newest", "--limit", "2").want(t, exitOK)
	lines := strings.Split(strings.TrimSpace(r.out), "\n")
	if len(lines) != 3 || !strings.HasPrefix(lines[1], results[149].ID) || !strings.HasPrefix(lines[2], results[148].ID) || r.err != "" {
		t.Errorf("printed\n%s%s", r.out, r.err)
	}
	wantWords(t, lines[0], "ENQUEUED")
	wantWords(t, lines[1], "delayed", " ago", "due in 1h")
	page := decode[struct {
		Jobs           []jobView
		Scanned, Total int
		Cut            bool
	}](t, p.dueq("jobs", "q", "--newest", "--limit", "100", "--json"))
	if len(page.Jobs) != 100 || page.Jobs[99].ID != results[50].ID || page.Jobs[0].Created == nil || page.Scanned != 150 || page.Total != 150 || page.Cut {
		t.Errorf("as JSON %d jobs, %d of %d", len(page.Jobs), page.Scanned, page.Total)
	}
	p.dueq("jobs", "q", "--newest", "--state", "dead").misused(t, "newest")
	p.dueq("jobs", "q", "--newest", "--limit", "501").failed(t, "limit")
}
