package dashboard

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dueq-io/dueq/dashboard/access"
	"github.com/dueq-io/dueq/internal/redistest"
	"github.com/dueq-io/dueq/queue"
)

// TestRecent: of 150 jobs the tab has the newest 100, the newest first, with when they were enqueued, when they
// are due, and their state (row 42), and what they say hidden as elsewhere.
func TestRecent(t *testing.T) {
	t.Parallel()
	client := open(t, redistest.URL(t))
	jobs := make([]queue.Job, 150)
	for i := range jobs {
		jobs[i] = queue.Job{Queue: "sms", Kind: "k", Delay: time.Duration(i%2) * time.Hour, Payload: []byte(`{"password":"s3cret"}`)}
	}
	results, err := client.EnqueueMany(t.Context(), jobs)
	if err != nil {
		t.Fatal(err)
	}
	d := newDashboard(t, client, Config{Interval: minInterval, Access: access.Config{Anonymous: access.Operator}})
	run(t, d)
	p := newPerson(t, d)
	p.get("/queue?name=sms").want(t, http.StatusOK, `href="/queue?name=sms&amp;state=recent"`)
	got := p.get("/queue?name=sms&state=recent").want(t, http.StatusOK, ">Enqueued</th>", `class="state ready"`, `class="state delayed"`, `data-label="due"`, "[hidden]")
	if strings.Contains(got.body, "s3cret") {
		t.Error("a secret is shown")
	}
	var ids, want []string
	for _, m := range regexp.MustCompile(`<a class="mono" href="[^"]*">([^<]+)</a>`).FindAllStringSubmatch(got.body, -1) {
		ids = append(ids, m[1])
	}
	for _, r := range slices.Backward(results) {
		want = append(want, r.ID)
	}
	if !slices.Equal(ids, want[:100]) {
		t.Errorf("%d jobs: %v, want %v", len(ids), ids, want[:100])
	}
	if strings.Contains(got.body, "looked at") || strings.Contains(got.body, "Filter these jobs") {
		t.Error("says what is not so")
	}
	picked := hiddenField(got.body, "job") // the newest, which is delayed
	to := p.post("/act", "act", "run", "scope", "jobs", "job", picked, "back", "/queue?name=sms&state=recent").header.Get("Location")
	p.get(to).want(t, http.StatusOK, "The job is due now.", ">Enqueued</th>")
}
