package dashboard

import (
	"errors"
	"fmt"
	"maps"
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

// place brings n more jobs of a queue into a state.
func place(t *testing.T, c *queue.Client, name string, state queue.State, n int) {
	t.Helper()
	ok := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	job := queue.Job{Queue: name, Kind: "k." + string(state), Retain: time.Hour, Priority: queue.High}
	if state == queue.Delayed {
		job.Delay = time.Hour
	}
	if state == queue.Ready {
		job.Priority = queue.Low // leases take others first
	}
	jobs := make([]queue.Job, n)
	for i := range jobs {
		jobs[i] = job
	}
	_, err := c.EnqueueMany(t.Context(), jobs)
	ok(err)
	if state == queue.Delayed || state == queue.Ready {
		return
	}
	leased, _, err := c.Broker().Lease(t.Context(), name, n, time.Hour)
	ok(err)
	if len(leased) != n {
		t.Fatalf("%d leased", len(leased))
	}
	for _, d := range leased {
		switch state {
		case queue.Retrying:
			ok(c.Broker().Retry(t.Context(), d, time.Hour, errors.New("503 of "+d.ID)))
		case queue.Dead:
			ok(c.Broker().Bury(t.Context(), d, queue.ReasonRejected, errors.New("no: "+d.ID)))
		case queue.Done:
			ok(c.Broker().Ack(t.Context(), d))
		default:
		}
	}
}

// whole is every job of a queue, by ID, as far as an act can change it.
func whole(t *testing.T, c *queue.Client, name string) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, s := range queue.States() {
		q := queue.Query{State: s, Limit: 500}
		for {
			page, err := c.Inspector().Jobs(t.Context(), name, q)
			if err != nil {
				t.Fatal(err)
			}
			for _, j := range page.Jobs {
				due := ""
				if s == queue.Delayed || s == queue.Retrying {
					due = map[bool]string{true: " due", false: fmt.Sprint(" ", j.At.UnixMilli())}[j.At.Before(time.Now())]
				}
				out[j.ID] = string(s) + due + map[bool]string{true: " cancelled"}[j.Cancelled]
			}
			if q.Cursor = page.Cursor; q.Cursor == "" {
				break
			}
		}
	}
	return out
}

// of are the IDs of the jobs that are in a state.
func of(jobs map[string]string, state queue.State) []string {
	var out []string
	for _, id := range slices.Sorted(maps.Keys(jobs)) {
		if s, _, _ := strings.Cut(jobs[id], " "); s == string(state) {
			out = append(out, id)
		}
	}
	return out
}

var newDue = time.Now().Add(48 * time.Hour).Truncate(time.Millisecond)

// becomes is what an act makes of a job of a state; empty: it is gone.
func becomes(a act, s queue.State) string {
	switch a {
	case actRun:
		return string(s) + " due"
	case actReschedule:
		return fmt.Sprint(s, " ", newDue.UnixMilli())
	case actRequeue:
		return "ready"
	case actCancel:
		if s == queue.Leased {
			return "leased cancelled"
		}
	case actDelete:
	}
	return ""
}

// operable is a dashboard on a real Redis, with a few jobs of two queues in every state, in which
// everybody may do everything.
func operable(t *testing.T) (*queue.Client, *Dashboard, *person) {
	t.Helper()
	client := open(t, redistest.URL(t))
	for _, name := range []string{"sms", "other"} {
		for _, s := range slices.Backward(queue.States()) {
			place(t, client, name, s, 2)
		}
	}
	d := newDashboard(t, client, Config{Interval: minInterval, Access: access.Config{Anonymous: access.Admin}})
	run(t, d)
	return client, d, newPerson(t, d)
}

// keys are the values of the boxes that pick jobs.
func keys(t *testing.T, c *queue.Client, name string, ids []string) []string {
	t.Helper()
	var out []string
	for _, id := range ids {
		// As a list shows it: a ready job has its due time there.
		info, err := c.Inspector().Job(t.Context(), name, id)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, jobKey(&info))
	}
	return out
}

// ended waits for the end of the operation that an answer leads to.
func ended(t *testing.T, d *Dashboard, a answer) progress {
	t.Helper()
	to, err := url.Parse(a.header.Get("Location"))
	if err != nil || a.status != http.StatusSeeOther || to.Path != "/operation" {
		t.Fatalf("%d to %q: %s", a.status, a.header.Get("Location"), a.body)
	}
	op := d.bulk.find(to.Query().Get("id"))
	redistest.Eventually(t, time.Minute, func() bool { return !op.look().Ended.IsZero() })
	return op.look()
}

// TestEveryActOnEveryScope: each act on a single job, on some that were picked and on all of a filter, few
// and many. It does what it says to those and to nothing else, and not before it was confirmed as it has to
// be.
func TestEveryActOnEveryScope(t *testing.T) {
	t.Parallel()
	type scope struct {
		name string
		jobs int
		// need is the confirmation of a harmless act and of a final one.
		harmless, final confirmation
	}
	scopes := []scope{
		{"single", 1, atOnce, byButton},
		{"picked", 3, atOnce, byTyping},
		{"filter", 7, byButton, byTyping},
		{"large filter", confirmTyped + 1, byTyping, byTyping},
	}
	for _, a := range actTable {
		for _, state := range a.states {
			for _, s := range scopes {
				t.Run(fmt.Sprint(a.act, " ", state, " ", s.name), func(t *testing.T) {
					t.Parallel()
					client, d, p := operable(t)
					need := s.harmless
					if a.final {
						need = s.final
					}
					if a.act == actReschedule {
						need = max(need, byButton)
					}
					byFilter := s.name == "filter" || s.name == "large filter"
					if extra := s.jobs - 2; byFilter {
						place(t, client, "sms", state, extra)
					} else if extra > 0 {
						place(t, client, "sms", state, s.jobs) // more than are picked
					}
					before := whole(t, client, "sms")
					chosen := of(before, state)
					form := url.Values{"act": {string(a.act)}, "scope": {"filter"}, "queue": {"sms"}, "state": {string(state)}, "back": {"/jobs"}}
					if !byFilter {
						chosen = chosen[:s.jobs]
						form = url.Values{"act": {string(a.act)}, "scope": {"jobs"}, "job": keys(t, client, "sms", chosen), "back": {"/jobs"}}
					}
					(&deed{t, client, d, p, before}).confirm(form, need, a.act)
					want := maps.Clone(before)
					for _, id := range chosen {
						if want[id] = becomes(a.act, state); want[id] == "" {
							delete(want, id)
						}
					}
					(&deed{t, client, d, p, want}).same("afterwards")
				})
			}
		}
	}
}

// deed is what a test does and compares.
type deed struct {
	*testing.T
	client *queue.Client
	d      *Dashboard
	p      *person
	want   map[string]string
}

// same compares the jobs of the queue with those wanted, and those of the other with what they were.
func (d *deed) same(when string) {
	d.Helper()
	got := whole(d.T, d.client, "sms")
	if !maps.Equal(got, d.want) {
		for _, id := range slices.Sorted(maps.Keys(d.want)) {
			if got[id] != d.want[id] {
				d.Errorf("%s: job %s is %q, want %q", when, id, got[id], d.want[id])
			}
		}
		d.Fatalf("%s: %d jobs, want %d", when, len(got), len(d.want))
	}
	if other := whole(d.T, d.client, "other"); len(other) != 12 || strings.Contains(fmt.Sprint(other), "cancelled") || len(of(other, queue.Ready)) != 2 {
		d.Errorf("%s: another queue has %v", when, other)
	}
}

// confirm sends a form, and after each answer that asks for more sends that, too. Until it has sent all
// nothing may have changed.
func (d *deed) confirm(form url.Values, need confirmation, a act) {
	d.Helper()
	send := func(more ...string) answer {
		for i := 0; i < len(more); i += 2 {
			form.Set(more[i], more[i+1])
		}
		return d.p.ask(http.MethodPost, "/act", form)
	}
	if need > atOnce {
		got := send()
		got.want(d.T, http.StatusOK, `<section class="ask">`)
		if typed := strings.Contains(got.body, `name="typed"`); typed != (need == byTyping) {
			d.Errorf("asks for typing: %v", typed)
		}
		if bound := hiddenField(got.body, "bound"); bound != "" {
			form.Set("bound", bound)
		}
		d.same("when only asked")
		form.Set("sure", "yes")
	}
	if need == byTyping {
		for _, wrong := range []string{"", "SMS", "other"} {
			send("typed", wrong).want(d.T, http.StatusOK, "is not sms", `<section class="ask">`)
		}
		d.same("when typed wrong")
		form.Set("typed", "sms")
	}
	if a == actReschedule {
		send().want(d.T, http.StatusOK, `name="when"`)
		d.same("without a new time")
		form.Set("when", writeTime(newDue))
	}
	got := send("reason", "a reason")
	if form.Get("scope") == "filter" {
		if p := ended(d.T, d.d, got); p.Failed != "" || p.Stopped || p.Moved != 0 {
			d.Errorf("%+v", p)
		}
	} else if got.status != http.StatusSeeOther {
		d.Fatalf("%d %s", got.status, got.body)
	}
	entries, err := d.client.Desk().Journal(d.Context(), "", 10)
	if err != nil || len(entries) != 1 || entries[0].Action != string(a) || entries[0].Queue != "sms" || entries[0].Count == 0 || entries[0].Result != "" {
		d.Errorf("journal: %+v, %v", entries, err)
	}
}

func hiddenField(page, name string) string {
	_, after, _ := strings.Cut(page, `name="`+name+`" value="`)
	value, _, _ := strings.Cut(after, `"`)
	return value
}

// TestActsInTheWrongState: what an act is not for is refused, whatever a form says.
func TestActsInTheWrongState(t *testing.T) {
	t.Parallel()
	client, d, p := operable(t)
	before := whole(t, client, "sms")
	for _, a := range actTable {
		for _, s := range queue.States() {
			if slices.Contains(a.states, s) {
				continue
			}
			form := url.Values{"act": {string(a.act)}, "sure": {"yes"}, "typed": {"sms"}, "when": {"48h"}}
			form["scope"], form["queue"], form["state"] = []string{"filter"}, []string{"sms"}, []string{string(s)}
			p.ask(http.MethodPost, "/act", form).want(t, http.StatusBadRequest, "Nothing was done")
			if a.act == actCancel || a.act == actDelete {
				continue // the same verb, under the name that the state asks for
			}
			form["scope"], form["job"] = []string{"jobs"}, keys(t, client, "sms", of(before, s))
			got := p.ask(http.MethodPost, "/act", form)
			if to, err := url.Parse(got.header.Get("Location")); err != nil || to.Query().Get("done") != "0" || to.Query().Get("moved") != "2" {
				t.Errorf("%s of %s: %d %q", a.act, s, got.status, got.header.Get("Location"))
			}
		}
	}
	(&deed{t, client, d, p, before}).same("afterwards")
}

// TestActsOnJobsThatMovedOn: what was seen and is elsewhere now is left alone, and counted.
func TestActsOnJobsThatMovedOn(t *testing.T) {
	t.Parallel()
	client, d, p := operable(t)
	dead := of(whole(t, client, "sms"), queue.Dead)
	form := url.Values{"act": {"delete"}, "scope": {"jobs"}, "job": keys(t, client, "sms", dead), "sure": {"yes"}, "typed": {"sms"}, "back": {"/jobs"}}
	if err := client.Inspector().Requeue(t.Context(), "sms", dead[0]); err != nil {
		t.Fatal(err)
	}
	want := whole(t, client, "sms")
	delete(want, dead[1])
	got := p.ask(http.MethodPost, "/act", form)
	(&deed{t, client, d, p, want}).same("afterwards")
	p.get(got.header.Get("Location")).want(t, http.StatusOK, "Delete: 1 done, 1 had moved on.")
	// Sent once more, as by a second click, it does nothing.
	got = p.ask(http.MethodPost, "/act", form)
	(&deed{t, client, d, p, want}).same("after a second click")
	p.get(got.header.Get("Location")).want(t, http.StatusOK, "Delete: 0 done, 2 had moved on.")
}
