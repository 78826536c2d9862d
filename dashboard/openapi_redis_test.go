package dashboard

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/dueq-io/dueq/dashboard/access"
	"github.com/dueq-io/dueq/internal/redistest"
	"github.com/dueq-io/dueq/queue"
	"github.com/dueq-io/dueq/scheduler"
	"github.com/dueq-io/dueq/worker"
)

// lively is a dashboard of all that answers can have: jobs in each state, a worker in the middle of one, a
// scheduler, a producer, errors, incidents and a journal.
func lively(t *testing.T) *Dashboard {
	t.Helper()
	client := open(t, redistest.URL(t))
	s, err := scheduler.New(client, scheduler.Config{Logger: silent})
	if err != nil {
		t.Fatal(err)
	}
	background(t, s.Run)
	working(t, client, worker.Config{}, func(ctx context.Context, j *queue.Delivery) error {
		switch j.Kind {
		case "stuck":
			<-ctx.Done()
			return ctx.Err()
		case "fails":
			return errors.New("HTTP 503: no\nstack")
		default:
			return nil
		}
	})
	for _, j := range []queue.Job{
		{
			Kind: "fails", ID: sampleJob, MaxAttempts: 1, Backoff: []time.Duration{time.Second}, Tags: []string{"eu"}, Headers: map[string]string{"x": "y"},
			Unique: queue.Unique{Key: "u", Scope: queue.ForWindow, Window: time.Hour}, Expires: time.Now().Add(time.Hour), Payload: []byte(`{"a":1}`),
		},
		{Kind: "fails", ID: "again", Backoff: []time.Duration{time.Hour}},
		{Kind: "stuck", ID: "stuck"},
		{Kind: "k", ID: "done", Retain: time.Hour},
		{Kind: "k", ID: "later", Delay: 10 * time.Minute},
	} {
		j.Queue = "sms"
		enqueue(t, client, 1, j)
	}
	enqueue(t, client, 1, queue.Job{Queue: "idle", Kind: "k"})
	withAlarms(t, client)
	d := newDashboard(t, client, Config{Source: "prod", Interval: minInterval, Access: access.Config{Anonymous: access.Admin}})
	run(t, d)
	newPerson(t, d).post("/queue/act", "queue", "idle", "do", "pause").want(t, http.StatusSeeOther)
	return d
}

// TestAnswersAreWhatOpenAPISays: real answers have exactly the fields of docs/openapi.yaml, each of its kind, and
// all of its schemas are met.
func TestAnswersAreWhatOpenAPISays(t *testing.T) {
	t.Parallel()
	d := lively(t)
	p := newPerson(t, d)
	redistest.Eventually(t, awhile, func() bool {
		job := decoded[jobAnswer](t, p, "/api/v1/job?id=stuck")
		queues := p.get("/api/v1/queues").body
		sms := decoded[struct{ Queues []queueAnswer }](t, p, "/api/v1/queues").Queues[1]
		return job.Running != nil && strings.Contains(p.get("/api/v1/producers").body, `"queue":"idle"`) && sms.Crew != nil && sms.Crew.Schedulers > 0 &&
			!strings.Contains(queues, `"rates":null`) && strings.Contains(queues, `"rule":"dead"`) && sms.Retrying == 1 && sms.Done == 1
	}, "the dashboard does not see all that goes on")
	doc := readOpenAPI(t)
	asked := []string{"/api/v1/job?id=stuck", "/api/v1/job?id=done", "/api/v1/schedule?queue=sms&reach=7d", "/api/v1/jobs?queue=none", "/api/v1/jobs?state=lost"}
	for _, path := range paths(d) {
		if strings.HasPrefix(path, "/api/") || path == "/healthz" || path == "/readyz" {
			asked = append(asked, path)
		}
	}
	for _, address := range asked {
		path, _, _ := strings.Cut(address, "?")
		got := p.get(address)
		s := doc.answer(path, got.status)
		if s == nil {
			t.Errorf("%s: %d is not in the file", address, got.status)
			continue
		}
		body := json.NewDecoder(strings.NewReader(got.body))
		body.UseNumber()
		var value any
		if err := body.Decode(&value); err != nil {
			t.Fatal(err)
		}
		for _, fault := range doc.faults(address, s, value) {
			t.Error(fault)
		}
	}
	for name := range doc.Components.Schemas {
		if !doc.met[name] && name != "Replica" && name != "Field" { // a server has no replicas here, and a field is a question
			t.Errorf("no answer has a %s", name)
		}
	}
}
