package dashboard

import (
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/dueq-io/dueq/internal/redistest"
	"github.com/dueq-io/dueq/queue"
)

// TestDeleteQueue: a queue goes after a question, one with jobs only by its name (row 47), and no other does.
func TestDeleteQueue(t *testing.T) {
	t.Parallel()
	client, d, p := operable(t)
	p.get("/queue?name=sms").want(t, http.StatusOK, "Delete the queue…", `action="/queue/delete"`)
	before := whole(t, client, "sms")
	ask := []string{"queue", "sms", "back", "/queue?name=sms"}
	p.post("/queue/delete", ask...).want(t, http.StatusOK, "Delete the queue sms?", "2 jobs", `name="typed"`, `href="/queue?name=sms"`)
	sure := append(ask, "sure", "yes", "reason", "no more")
	p.post("/queue/delete", sure...).want(t, http.StatusConflict, "Its name has to be typed", `name="typed"`)
	p.post("/queue/delete", append(sure, "typed", "SMS")...).want(t, http.StatusConflict, "is not sms")
	if !maps.Equal(before, whole(t, client, "sms")) {
		t.Error("changed before it was confirmed")
	}
	p.post("/queue/delete", append(sure, "typed", "sms")...).leads(t, "/queues?did=delete+queue")
	p.get("/queues?did=delete+queue").want(t, http.StatusOK, "The queue is deleted.")
	redistest.Eventually(t, time.Minute, func() bool { return p.get("/queue?name=sms").status == http.StatusNotFound })
	p.post("/queue/delete", append(sure, "typed", "sms")...).want(t, http.StatusNotFound)
	(&deed{t, client, d, p, map[string]string{}}).same("afterwards")

	entries, err := client.Desk().Journal(t.Context(), "", 10)
	if err != nil || len(entries) != 2 || entries[1].Result != queue.ErrNotEmpty.Error() {
		t.Fatalf("journal: %+v, %v", entries, err)
	}
	if e := entries[0]; e.Action != deletedQueue || e.Queue != "sms" || e.Count != int64(len(before)) || e.Reason != "no more" || e.Result != "" {
		t.Errorf("journal: %+v", e)
	}
	p.get("/journal").want(t, http.StatusOK, "Delete the queue", "queue has jobs")
}

// TestDeleteEmptyQueue: one without jobs takes a button, unless jobs or workers have come since (row 29).
func TestDeleteEmptyQueue(t *testing.T) {
	t.Parallel()
	client, _, p := operable(t)
	enqueue := func() {
		if _, err := client.Enqueue(t.Context(), queue.Job{Queue: "empty", Kind: "k", ID: "a", Retain: time.Hour}); err != nil {
			t.Fatal(err)
		}
	}
	if err := client.Inspector().Pause(t.Context(), "empty"); err != nil {
		t.Fatal(err)
	}
	there := func(want int) {
		t.Helper()
		redistest.Eventually(t, time.Minute, func() bool { return p.get("/queue?name=empty").status == want })
	}
	there(http.StatusOK)
	if got := p.post("/queue/delete", "queue", "empty").want(t, http.StatusOK, "Delete the queue empty?"); strings.Contains(got.body, `name="typed"`) {
		t.Error("asks for the name of an empty queue")
	}
	enqueue()
	p.post("/queue/delete", "queue", "empty", "sure", "yes").want(t, http.StatusConflict, "Its name has to be typed", "1 job")
	if err := client.Cancel(t.Context(), "empty", "a"); err != nil {
		t.Fatal(err)
	}
	report := queue.WorkerReport{State: queue.WorkerRunning, Queues: map[string]int{"empty": 1}}
	leave := client.Broker().JoinWorker("w", func() queue.WorkerReport { return report }, func(queue.WorkerState) {})
	t.Cleanup(leave)
	redistest.Eventually(t, time.Minute, func() bool {
		return strings.Contains(p.post("/queue/delete", "queue", "empty").body, "<dt>Workers</dt><dd>1</dd>")
	})
	p.post("/queue/delete", "queue", "empty", "sure", "yes").want(t, http.StatusConflict, "Its name has to be typed")
	leave()
	redistest.Eventually(t, time.Minute, func() bool {
		return p.post("/queue/delete", "queue", "empty", "sure", "yes").status == http.StatusSeeOther
	})
	there(http.StatusNotFound)
}

// TestDeleteQueueOutOfSight: who may not see or change a queue does not delete it.
func TestDeleteQueueOutOfSight(t *testing.T) {
	t.Parallel()
	client := open(t, redistest.URL(t))
	for _, name := range []string{"sms", "payroll"} {
		place(t, client, name, queue.Delayed, 1)
	}
	d := withPeople(t, client, Config{Interval: minInterval})
	run(t, d)
	form := func(name string) []string { return []string{"queue", name, "sure", "yes", "typed", name} }
	viewer := newPerson(t, d).enter("viewer")
	if got := viewer.get("/queue?name=sms").want(t, http.StatusOK); strings.Contains(got.body, "queue/delete") {
		t.Error("offered to a viewer")
	}
	viewer.post("/queue/delete", form("sms")...).want(t, http.StatusForbidden)
	some := newPerson(t, d).enter("sms-admin")
	some.post("/queue/delete", form("payroll")...).want(t, http.StatusNotFound)
	if len(whole(t, client, "payroll")) != 1 || len(whole(t, client, "sms")) != 1 {
		t.Error("jobs are gone")
	}
	some.post("/queue/delete", form("sms")...).leads(t, "/queues?did=delete+queue")
}
