package dashboard

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/dueq-io/dueq/dashboard/access"
	"github.com/dueq-io/dueq/internal/redistest"
	"github.com/dueq-io/dueq/queue"
)

// many is a dashboard on n dead jobs of the queue sms.
func many(t *testing.T, n int) (*queue.Client, *Dashboard, *person) {
	t.Helper()
	client := open(t, redistest.URL(t))
	for left := n; left > 0; left -= 500 {
		place(t, client, "sms", queue.Dead, min(left, 500))
	}
	d := newDashboard(t, client, Config{Interval: minInterval, Access: access.Config{Anonymous: access.Admin}})
	run(t, d)
	return client, d, newPerson(t, d)
}

func (p *person) order(a act, more ...string) answer {
	p.t.Helper()
	return p.post("/act", append([]string{"act", string(a), "scope", "filter", "queue", "sms", "state", "dead", "sure", "yes", "typed", "sms"}, more...)...)
}

// TestBulkGoesThroughAll: more jobs than a batch and than a page, of which a filter selects a part that is
// spread thin.
func TestBulkGoesThroughAll(t *testing.T) {
	t.Parallel()
	const jobs = 2*queryPage + 103
	client, d, p := many(t, jobs)
	p.order(actRequeue, "bound", writeTime(time.Now().Add(time.Hour)), "kind", "none").want(t, http.StatusOK, "There is nothing to do.")
	page, err := client.Inspector().Jobs(t.Context(), "sms", queue.Query{State: queue.Dead, Limit: 1})
	if err != nil {
		t.Fatal(err)
	}
	prefix := page.Jobs[0].ID[:len(page.Jobs[0].ID)-1] // a 32nd of what was made in the same ms, or one
	some := ended(t, d, p.order(actRequeue, "prefix", prefix))
	if some.Done < 1 || some.Done > 32 || some.Looked < jobs {
		t.Errorf("%+v", some)
	}
	all := ended(t, d, p.order(actDelete))
	if all.Done != jobs-some.Done || all.Moved != 0 || all.Want != jobs-some.Done {
		t.Errorf("%+v", all)
	}
	info, err := client.Inspector().Queue(t.Context(), "sms")
	if err != nil || info.Dead != 0 || info.Ready != some.Done {
		t.Errorf("%+v, %v", info, err)
	}
	entries, err := client.Desk().Journal(t.Context(), "", 10)
	if err != nil || len(entries) != 2 || entries[0].Count != all.Done || entries[0].Action != "delete" || !strings.HasPrefix(entries[0].Bound, "before 20") || entries[1].Filter != "state=dead prefix="+prefix {
		t.Errorf("%+v, %v", entries, err)
	}
	p.get("/operation?id="+all.ID).want(t, http.StatusOK, formatCount(all.Done)+" done, 0 had moved on", "ended")
	p.get("/journal").want(t, http.StatusOK, ">Delete<", "before 20")
}

// TestBulkLeavesWhatCameLater: a job that dies after the page was shown is none of those that somebody
// agreed to delete.
func TestBulkLeavesWhatCameLater(t *testing.T) {
	t.Parallel()
	client, d, p := many(t, 3)
	asked := p.post("/act", "act", "delete", "scope", "filter", "queue", "sms", "state", "dead").want(t, http.StatusOK, "Delete 3 jobs?")
	redistest.Eventually(t, time.Minute, func() bool { return writeTime(time.Now()) > hiddenField(asked.body, "bound") })
	place(t, client, "sms", queue.Dead, 2)
	if got := ended(t, d, p.order(actDelete, "bound", hiddenField(asked.body, "bound"))); got.Done != 3 {
		t.Errorf("%+v", got)
	}
	if info, err := client.Inspector().Queue(t.Context(), "sms"); err != nil || info.Dead != 2 {
		t.Errorf("%+v, %v", info, err)
	}
}

// TestReplayByTime requeues what died, and what was done, within a time, and nothing else.
func TestReplayByTime(t *testing.T) {
	t.Parallel()
	client, d, p := many(t, 4)
	place(t, client, "sms", queue.Done, 4)
	second := func(s queue.State) (from, to string) {
		t.Helper()
		page, err := client.Inspector().Jobs(t.Context(), "sms", queue.Query{State: s})
		if err != nil || len(page.Jobs) != 4 {
			t.Fatal(page.Jobs, err)
		}
		at := page.Jobs[0].Ended()
		return writeTime(at.Add(-time.Hour)), writeTime(at.Add(time.Second))
	}
	for _, s := range []queue.State{queue.Dead, queue.Done} {
		from, to := second(s)
		p.order(actRequeue, "state", string(s), "from", "2001-01-01", "to", from).want(t, http.StatusOK, "There is nothing to do.")
		p.order(actRequeue, "state", string(s), "from", to).want(t, http.StatusOK, "There is nothing to do.")
		if got := ended(t, d, p.order(actRequeue, "state", string(s), "from", from, "to", to)); got.Done != 4 {
			t.Errorf("%s: %+v", s, got)
		}
	}
	if info, err := client.Inspector().Queue(t.Context(), "sms"); err != nil || info.Ready != 8 {
		t.Errorf("%+v, %v", info, err)
	}
}

// endless is an operation that goes on until it is stopped: what it says that it has done it has not.
func endless(t *testing.T, d *Dashboard) *operation {
	t.Helper()
	o := &order{filter: jobFilter{Queue: "sms", State: queue.Dead}, act: &actInfo{
		act: actRequeue, do: func(_ context.Context, _ *queue.Inspector, _ string, jobs []queue.Seen, _ time.Time) []error {
			return make([]error, len(jobs))
		},
	}}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/act", http.NoBody)
	id, err := d.bulk.start(&actor{sight{d, access.Identity{Role: access.Operator}}}, r, o, size{jobs: 300, exact: true})
	if err != nil {
		t.Fatal(err)
	}
	op := d.bulk.find(id)
	redistest.Eventually(t, time.Minute, func() bool { return op.look().Done > 600 })
	return op
}

// TestStop: an operation ends when somebody stops it, here or at another dashboard, which also shows how
// far it is; the journal says that it was stopped.
func TestStop(t *testing.T) {
	t.Parallel()
	for _, where := range []string{"here", "elsewhere"} {
		t.Run(where, func(t *testing.T) {
			t.Parallel()
			client, d, p := many(t, 300)
			op := endless(t, d)
			other := p
			if where == "elsewhere" {
				e := newDashboard(t, client, Config{Interval: minInterval, Access: access.Config{Anonymous: access.Admin}})
				run(t, e)
				other = newPerson(t, e)
			}
			redistest.Eventually(t, time.Minute, func() bool {
				got := other.get("/operation?id=" + op.id)
				return got.status == http.StatusOK && strings.Contains(got.body, "under way") && strings.Contains(got.body, "operation/stop")
			})
			other.post("/operation/stop", "id", op.id).leads(t, "/operation?id="+op.id)
			redistest.Eventually(t, time.Minute, func() bool { return !op.look().Ended.IsZero() })
			if got := op.look(); !got.Stopped || got.Failed != "" {
				t.Errorf("%+v", got)
			}
			entries, err := client.Desk().Journal(t.Context(), "", 10)
			if err != nil || len(entries) != 1 || !strings.HasPrefix(entries[0].Result, "stopped") || entries[0].Count != op.look().Done {
				t.Errorf("journal: %+v, %v", entries, err)
			}
			redistest.Eventually(t, time.Minute, func() bool {
				return strings.Contains(other.get("/operation?id="+op.id).body, "stopped")
			})
		})
	}
}

// TestOperationsEndWithRun: a dashboard that stops notes how far it came.
func TestOperationsEndWithRun(t *testing.T) {
	t.Parallel()
	client := open(t, redistest.URL(t))
	place(t, client, "sms", queue.Dead, 300)
	d := newDashboard(t, client, Config{Access: access.Config{Anonymous: access.Operator}})
	stop := runUntil(t, d)
	op := endless(t, d)
	stop()
	entries, err := client.Desk().Journal(t.Context(), "", 10)
	if err != nil || len(entries) != 1 || !strings.HasPrefix(entries[0].Result, "stopped") || entries[0].Count != op.look().Done {
		t.Errorf("%+v, %v", entries, err)
	}
	newPerson(t, d).order(actRequeue).want(t, http.StatusServiceUnavailable, "Nothing was done")
}

// TestOperationsAreBounded: a few at a time, and others are told so.
func TestOperationsAreBounded(t *testing.T) {
	t.Parallel()
	_, d, p := many(t, 300)
	var ops []*operation
	for range operationsAtOnce {
		ops = append(ops, endless(t, d))
	}
	p.order(actRequeue).want(t, http.StatusServiceUnavailable, "Too many operations")
	for _, op := range ops {
		op.cancel()
		redistest.Eventually(t, time.Minute, func() bool { return !op.look().Ended.IsZero() })
	}
}

// TestOperationOfAnotherQueueIsNotThere, neither to look at nor to stop.
func TestOperationOfAnotherQueueIsNotThere(t *testing.T) {
	t.Parallel()
	client := open(t, redistest.URL(t))
	for _, name := range []string{"sms", "payroll"} {
		place(t, client, name, queue.Dead, 300)
	}
	d := withPeople(t, client, Config{})
	run(t, d)
	boss, sms := newPerson(t, d).enter("admin"), newPerson(t, d).enter("sms-admin")
	got := boss.post("/act", "act", "delete", "scope", "filter", "queue", "payroll", "state", "dead", "sure", "yes", "typed", "payroll")
	id := ended(t, d, got).ID
	for _, p := range []*person{sms} {
		p.get("/operation?id="+id).want(t, http.StatusNotFound)
		p.post("/operation/stop", "id", id).want(t, http.StatusNotFound)
		p.post("/act", "act", "delete", "scope", "filter", "queue", "payroll", "state", "dead", "sure", "yes", "typed", "payroll").want(t, http.StatusNotFound)
		p.post("/act", "act", "delete", "scope", "jobs", "job", fmt.Sprint("payroll a dead ", time.Now().UnixMilli()), "sure", "yes").want(t, http.StatusNotFound)
		p.post("/queue/act", "queue", "payroll", "do", "pause").want(t, http.StatusNotFound)
		p.post("/job/reveal", "queue", "payroll", "id", "a", "reason", "why").want(t, http.StatusNotFound)
	}
	boss.get("/operation?id="+id).want(t, http.StatusOK, "300 done")
}
