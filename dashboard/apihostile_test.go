package dashboard

import (
	"errors"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/dueq-io/dueq/dashboard/access"
	"github.com/dueq-io/dueq/internal/redistest"
	"github.com/dueq-io/dueq/queue"
)

// hostileJobs puts a dead job of each hostile text there, with the text wherever the queue takes it, and one whose
// time is none that JSON can write. It returns the texts by job.
func hostileJobs(t *testing.T, client *queue.Client) map[string]string {
	t.Helper()
	texts := map[string]string{"late": "far away"}
	for i, text := range hostile {
		texts[fmt.Sprintf(`<b>"%d`, i)] = text
	}
	for id, text := range texts {
		job := queue.Job{Queue: "sms", Kind: text, ID: id, Payload: []byte(text), Headers: map[string]string{"x": text}, Tags: []string{text}, Unique: queue.Unique{Key: text + id}}
		if _, err := client.Enqueue(t.Context(), job); err != nil {
			job.Kind, job.Headers, job.Tags, job.Unique = "k", nil, nil, queue.Unique{}
			enqueue(t, client, 1, job)
		}
	}
	leased, _, err := client.Broker().Lease(t.Context(), "sms", len(texts), queue.DefaultLease)
	if err != nil || len(leased) != len(texts) {
		t.Fatal(len(leased), err)
	}
	for _, j := range leased {
		if err := client.Broker().Bury(t.Context(), j, queue.ReasonRejected, errors.New(texts[j.ID])); err != nil {
			t.Fatal(err)
		}
	}
	key := client.Namespace() + ":{sms}:dead"
	if err := redistest.Client(t).Do(t.Context(), "ZADD", key, "1e17", "late").Err(); err != nil {
		t.Fatal(err)
	}
	return texts
}

// TestHostileJobsStayStrings: whatever producers and handlers have written is a string of the JSON, and the one
// that the page of the job shows; a time that JSON cannot write hides nothing else.
func TestHostileJobsStayStrings(t *testing.T) {
	t.Parallel()
	client := open(t, redistest.URL(t))
	texts := hostileJobs(t, client)
	if err := client.Desk().Note(t.Context(), queue.JournalEntry{Action: hostile[0], User: hostile[1], Queue: "sms", Reason: hostile[5]}); err != nil {
		t.Fatal(err)
	}
	d := newDashboard(t, client, Config{Access: access.Config{Anonymous: access.Admin}})
	run(t, d)
	p := newPerson(t, d)
	list := decoded[jobsAnswer](t, p, "/api/v1/jobs?state=dead")
	if len(list.Jobs) != len(texts) {
		t.Fatalf("%d jobs", len(list.Jobs))
	}
	kinds := 0
	for _, brief := range list.Jobs {
		text := texts[brief.ID]
		j := decoded[jobAnswer](t, p, "/api/v1/job?id="+url.QueryEscape(brief.ID))
		shown := strings.ToValidUTF8(d.redactor.Text(j.Kind, text), "\ufffd")
		if brief.Kind == text {
			kinds++
			if shown != j.Tags[0] || j.Headers["x"] != d.redactor.Headers(text, map[string]string{"x": text})["x"] || j.Unique.Key == "" {
				t.Errorf("%+v", j)
			}
		}
		if got := j.Errors[0].Error; got != shown && !strings.Contains(text, "\xff") || j.At.IsZero() != (j.ID == "late") {
			t.Errorf("%q became %q at %v", text, got, j.At)
		}
		page := p.get("/"+jobPath("sms", j.ID)).want(t, http.StatusOK).body
		if !strings.Contains(strings.ReplaceAll(page, "\r", "\n"), html.EscapeString(strings.ReplaceAll(j.Payload.Text, "\r", "\n"))) && !strings.ContainsAny(text, "\x00+") {
			t.Errorf("the page does not have %q", j.Payload.Text)
		}
	}
	if kinds < 8 {
		t.Errorf("%d of the texts are kinds", kinds)
	}
	e := decoded[journalAnswer](t, p, "/api/v1/journal").Entries[0]
	if e.Action != hostile[0] || e.User != hostile[1] || e.Reason != hostile[5] {
		t.Errorf("%+v", e)
	}
	decoded[errorsAnswer](t, p, "/api/v1/errors")
}

// TestSecretsAreInNoAnswer: neither a viewer nor anybody else finds what pages hide, nor by looking for it.
func TestSecretsAreInNoAnswer(t *testing.T) {
	t.Parallel()
	client := open(t, redistest.URL(t))
	const canary = "cAnArY"
	enqueue(t, client, 1, queue.Job{
		Queue: "sms", Kind: "k", ID: "one", Payload: []byte(`{"password":"` + canary + `","to":"acme"}`), Tags: []string{canary + "@example.com"},
		Headers: map[string]string{"Authorization": canary}, Unique: queue.Unique{Key: "https://" + canary + "@h"},
	})
	leased, _, err := client.Broker().Lease(t.Context(), "sms", 1, queue.DefaultLease)
	if err == nil {
		err = client.Broker().Bury(t.Context(), leased[0], queue.ReasonRejected, errors.New("refused: token="+canary))
	}
	if err != nil {
		t.Fatal(err)
	}
	d := withPeople(t, client, Config{})
	run(t, d)
	newPerson(t, d).enter("operator").post("/job/reveal", "queue", "sms", "id", "one", "reason", "ticket 7").want(t, http.StatusOK, canary)
	for _, name := range []string{"viewer", "operator", "admin"} {
		p := newPerson(t, d).enter(name)
		for path, word := range map[string]string{"jobs": "acme", "job?id=one": "acme", "errors": "refused", "journal": "ticket 7"} {
			if got := p.get("/api/v1/"+path).want(t, http.StatusOK, word); strings.Contains(got.body, canary) {
				t.Errorf("%s sees on %s: %s", name, path, got.body)
			}
		}
	}
	viewer := newPerson(t, d).enter("viewer")
	for tag, n := range map[string]int{canary + "@example.com": 0, "c•••@example.com": 1} {
		if got := decoded[jobsAnswer](t, viewer, "/api/v1/jobs?tag="+url.QueryEscape(tag)); len(got.Jobs) != n {
			t.Errorf("%s finds %d jobs", tag, len(got.Jobs))
		}
	}
}
