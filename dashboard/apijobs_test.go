package dashboard

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dueq-io/dueq/dashboard/access"
	"github.com/dueq-io/dueq/internal/redistest"
	"github.com/dueq-io/dueq/queue"
)

// decoded asks for JSON that has to be there.
func decoded[T any](t *testing.T, p *person, path string) T {
	t.Helper()
	var out T
	got := p.get(path).want(t, http.StatusOK)
	if err := json.Unmarshal([]byte(got.body), &out); err != nil || got.header.Get("Content-Type") != "application/json" {
		t.Fatalf("%s: %v: %s", path, err, got.body)
	}
	if strings.ContainsAny(got.body, "<>") {
		t.Errorf("%s: JSON that a browser takes for HTML has markup in it: %s", path, got.body)
	}
	return out
}

// TestJobsForPrograms: the pages of the answer, one after the other, are all jobs that the filter selects, each
// once and where it is.
func TestJobsForPrograms(t *testing.T) {
	t.Parallel()
	client, _, p := operable(t)
	place(t, client, "sms", queue.Dead, 120)
	want := map[string]map[string]string{"sms": whole(t, client, "sms"), "other": whole(t, client, "other")}
	for filter, n := range map[string]int{"state=dead": 124, "state=dead&queue=other": 2, "state=delayed&kind=k.delayed": 4, "prefix=none": 0} {
		seen, cursor := map[string]bool{}, ""
		for {
			page := decoded[jobsAnswer](t, p, "/api/v1/jobs?"+filter+"&cursor="+url.QueryEscape(cursor))
			if len(page.Jobs) > jobsOnPage || page.Jobs == nil {
				t.Fatalf("%s: %d jobs on a page", filter, len(page.Jobs))
			}
			for _, j := range page.Jobs {
				state, _, _ := strings.Cut(want[j.Queue][j.ID], " ")
				if seen[j.Queue+j.ID] || string(j.State) != state || !strings.Contains(filter, state) || j.At.IsZero() {
					t.Errorf("%s: %+v", filter, j)
				}
				seen[j.Queue+j.ID] = true
			}
			if cursor = page.Next; cursor == "" {
				break
			}
		}
		if len(seen) != n {
			t.Errorf("%s: %d jobs, want %d", filter, len(seen), n)
		}
	}
	groups := decoded[errorsAnswer](t, p, "/api/v1/errors")
	jobs := int64(0)
	for _, g := range groups.Groups {
		jobs += g.Jobs
		if list := decoded[jobsAnswer](t, p, "/api/v1/jobs?state=dead&queue="+g.Queues[0]+"&group="+g.ID); (g.Dead > 0) != (len(list.Jobs) > 0) {
			t.Errorf("%+v leads to %d jobs", g, len(list.Jobs))
		}
	}
	if groups.All != 128 || groups.Sampled != jobs || jobs != 128 || groups.More != 0 {
		t.Errorf("%d jobs in groups of %+v", jobs, groups)
	}
}

// TestWrongQuestions: what cannot be answered is an error in JSON, under a status that says so too.
func TestWrongQuestions(t *testing.T) {
	t.Parallel()
	client, _, p := operable(t)
	for _, name := range []string{"sms", "other"} {
		enqueue(t, client, 1, queue.Job{Queue: name, Kind: "k", ID: "twice", Delay: time.Hour})
	}
	for path, want := range map[string]struct {
		status int
		words  string
	}{
		"jobs?state=dead&cursor=sms:-1":            {400, "not of the form"},
		"jobs?state=dead&cursor=sms:x":             {400, "not of the form"},
		"jobs?queue=sms&state=dead&cursor=other:0": {400, "not one of this list"},
		"jobs?cursor=7":                            {400, "not one of this list"},
		"jobs?state=lost":                          {400, "no such state"},
		"jobs?state=dead&from=yesterday":           {400, "A time is written like"},
		"jobs?state=ready&from=2030-01-01":         {400, "goes with the states"},
		"jobs?kind=" + strings.Repeat("x", 257):    {400, "more than 256 bytes"},
		"jobs?queue=none":                          {404, "nothing under this address"},
		"job":                                      {400, "not of the form"},
		"job?id=none":                              {404, "nothing under this address"},
		"job?id=%00":                               {400, "not of the form"},
		"job?id=twice":                             {409, "other, sms"},
		"job?queue=sms&id=none":                    {404, "nothing under this address"},
		"job?queue=sms&id=a+b":                     {400, "not of the form"},
		"job?queue=none&id=twice":                  {404, "nothing under this address"},
		"errors?queue=none":                        {404, "nothing under this address"},
		"journal?before=x":                         {400, "not of the form"},
		"journal?before=1-1%0a":                    {200, ""}, // blanks around a field are nothing
		"job?queue=sms&id=twice":                   {200, "sms"},
	} {
		got := p.get("/api/v1/" + path)
		var told errorAnswer
		err := json.Unmarshal([]byte(got.body), &told)
		text := told.Error
		if want.status == http.StatusOK {
			text = got.body
		}
		if got.status != want.status || err != nil || !strings.Contains(text, want.words) || got.header.Get("Content-Type") != "application/json" {
			t.Errorf("%s: %d %s, want %d with %q", path, got.status, got.body, want.status, want.words)
		}
	}
}

// TestNoAnswerWithoutRedis: programs are told so in JSON, with a status that they ask again for, and no host.
func TestNoAnswerWithoutRedis(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	client, err := queue.Config{Namespace: redistest.Prefix(t), Logger: silent, Retries: -1}.Open(t.Context(), server.URL())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	place(t, client, "sms", queue.Dead, 1)
	d := newDashboard(t, client, Config{Access: access.Config{Anonymous: access.Admin}})
	p := newPerson(t, d)
	paths := []string{"/api/v1/jobs", "/api/v1/job?id=x", "/api/v1/errors", "/api/v1/journal", "/api/v1/alerts"}
	silence := func(paths []string) {
		t.Helper()
		for _, path := range paths {
			got := p.get(path).want(t, http.StatusServiceUnavailable)
			var told errorAnswer
			if err := json.Unmarshal([]byte(got.body), &told); err != nil || told.Error == "" || strings.Contains(told.Error, "sock") {
				t.Errorf("%s: %v: %s", path, err, got.body)
			}
		}
	}
	silence(paths[:4]) // the first sample is not there
	run(t, d)
	server.Stop()
	silence(paths)
}

// TestAnswersInSight: whoever sees some queues finds nothing of the others, also by asking for it.
func TestAnswersInSight(t *testing.T) {
	t.Parallel()
	client := open(t, redistest.URL(t))
	for _, name := range []string{"sms", "payroll"} {
		place(t, client, name, queue.Dead, 3)
		enqueue(t, client, 1, queue.Job{Queue: name, Kind: "k", ID: "both", Delay: time.Hour})
		if err := client.Desk().Note(t.Context(), queue.JournalEntry{Action: "pause", Queue: name}); err != nil {
			t.Fatal(err)
		}
	}
	enqueue(t, client, 1, queue.Job{Queue: "payroll", Kind: "k", ID: "salaries", Delay: time.Hour})
	d := withPeople(t, client, Config{})
	run(t, d)
	all, some := newPerson(t, d).enter("viewer"), newPerson(t, d).enter("sms-viewer")
	for path, want := range map[string]int{
		"jobs": 200, "jobs?state=dead": 200, "jobs?state=dead&cursor=payroll:0": 200, "errors": 200, "journal": 200, "job?id=both": 200,
		"jobs?queue=payroll": 404, "job?queue=payroll&id=both": 404, "job?id=salaries": 404, "errors?queue=payroll": 404,
	} {
		if got := some.get("/api/v1/"+path).want(t, want); strings.Contains(got.body, "payroll") {
			t.Errorf("%s: %s", path, got.body)
		}
		if got := all.get("/api/v1/" + path); got.status == http.StatusNotFound || !strings.Contains(got.body, "payroll") {
			t.Errorf("%s for who sees all: %d %s", path, got.status, got.body)
		}
	}
	jobs := decoded[jobsAnswer](t, some, "/api/v1/jobs").Jobs
	journal := decoded[journalAnswer](t, some, "/api/v1/journal").Entries
	if len(jobs) != 4 || slices.ContainsFunc(journal, func(e entryAnswer) bool { return e.Queue != "sms" }) || len(journal) != 1 {
		t.Errorf("%d jobs, %+v", len(jobs), journal)
	}
}

// TestJournalInPages: next goes on where the answer has ended.
func TestJournalInPages(t *testing.T) {
	t.Parallel()
	client := open(t, "memory://")
	for i := range journalOnPage + 1 {
		if err := client.Desk().Note(t.Context(), queue.JournalEntry{Action: fmt.Sprint(i), Queue: "sms"}); err != nil {
			t.Fatal(err)
		}
	}
	d := newDashboard(t, client, Config{})
	run(t, d)
	first := decoded[journalAnswer](t, newPerson(t, d), "/api/v1/journal")
	last := decoded[journalAnswer](t, newPerson(t, d), "/api/v1/journal?before="+first.Next)
	if len(first.Entries) != journalOnPage || len(last.Entries) != 1 || last.Entries[0].Action != "0" || last.Next != "" || first.Entries[0].Time.IsZero() {
		t.Errorf("%d, then %+v", len(first.Entries), last)
	}
}
