package dashboard

import (
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/dueq-io/dueq/alarm"
	"github.com/dueq-io/dueq/queue"
)

// withAlarms keeps incidents of sms, of secret and of Redis, a silence and rules for them.
func withAlarms(t *testing.T, c *queue.Client) {
	t.Helper()
	now := time.Now().Truncate(time.Millisecond)
	rule := func(name, queues string) alarm.Rule {
		return alarm.Rule{Name: name, Signal: alarm.Depth, Queues: queues, Above: 100, Clear: 80}
	}
	incident := func(id, name string, r alarm.Rule) alarm.Incident {
		return alarm.Incident{ID: id, Rule: r, Queue: name, Since: now.Add(-time.Hour), Opened: now.Add(-time.Hour), Value: 150, Peak: 777}
	}
	failed := incident("1", "sms", rule("deep", "*"))
	failed.Deliveries = []alarm.Delivery{{Sender: "mail", Error: "550 no such <b>user</b>"}, {Sender: "slack", Opened: now}}
	over := incident("4", "sms", rule("deep", "*"))
	over.Ended, over.Note = now, "the <i>queue</i> is gone"
	memory := rule("full", "")
	memory.Signal, memory.Above, memory.Clear = alarm.RedisMemory, 0.8, 0.6
	s := alarm.State{
		Rules: []alarm.Rule{rule("deep", "*"), rule("hidden", "secret"), memory, {Name: "mine", Signal: alarm.OldestReady, Queues: "sms", Above: 60, Clear: 30, Added: true}},
		Open:  []alarm.Incident{failed, incident("2", "secret", rule("hidden", "secret")), incident("3", "", memory)},
		Ended: []alarm.Incident{over},
		Silences: []alarm.Silence{
			{ID: "s1", Rule: "*", Queues: "secret", By: "op", Why: "known to be secret", Until: now.Add(time.Hour)},
			{ID: "s2", Rule: "*", Queues: "sms", By: "op", Why: "<script>x</script>", Until: now.Add(time.Hour)},
			{ID: "s3", Rule: "*", Queues: "*", By: "op", Why: "long ago", Until: now.Add(-time.Hour)},
		},
		Looked: now, Published: true, Format: 1,
	}
	text, err := json.Marshal(&s)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Desk().RewriteSheet(t.Context(), "alarms", nil, text); err != nil {
		t.Fatal(err)
	}
}

func TestAlertsPage(t *testing.T) {
	t.Parallel()
	c := open(t, "memory://")
	withAlarms(t, c)
	d := withPeople(t, c, Config{})
	words := map[string]bool{ // and whether who sees sms only sees them
		"deep": true, "777": true, ">mine<": true, "&lt;script&gt;x": true, "is gone": true, "could not be told": true, "were looked at": true,
		"secret": false, "full": false, "80%": false,
	}
	for name, all := range map[string]bool{"viewer": true, "sms-viewer": false, "admin": true, "sms-admin": false} {
		p := newPerson(t, d).enter(name)
		for _, path := range []string{"/alerts", "/api/v1/alerts"} {
			got := p.get(path).want(t, http.StatusOK)
			for word, both := range words {
				if path == "/alerts" && strings.Contains(got.body, word) != (all || both) {
					t.Errorf("%s on %s: %q is there: %v", name, path, word, !(all || both))
				}
			}
			if !all && strings.Contains(got.body, "secret") {
				t.Errorf("%s knows of secret by %s", name, path)
			}
			if strings.Contains(got.body, "550 no such") != strings.HasSuffix(name, "admin") {
				t.Errorf("%s on %s: what the mail server said", name, path)
			}
			if strings.Contains(got.body, "<script>x") && path == "/alerts" || strings.Contains(got.body, "<b>user") && path == "/alerts" {
				t.Errorf("%s: hostile text is markup", path)
			}
		}
	}
	newPerson(t, d).enter("viewer").get("/alerts").lacks(t, "alerts/silence", "alerts/rule")
	newPerson(t, d).enter("operator").get("/alerts?queue=sms").want(t, http.StatusOK, "alerts/silence", `value="sms"`).lacks(t, "alerts/rule")
	newPerson(t, d).enter("admin").get("/alerts").want(t, http.StatusOK, "alerts/silence", "alerts/rule/remove")
	read := withPeople(t, c, Config{ReadOnly: true})
	newPerson(t, read).enter("admin").get("/alerts").want(t, http.StatusOK).lacks(t, "alerts/silence", "alerts/rule")
}

// lacks fails the test for an answer with one of the words.
func (a answer) lacks(t *testing.T, words ...string) {
	t.Helper()
	for _, word := range words {
		if strings.Contains(a.body, word) {
			t.Errorf("%q is in %s", word, a.body)
		}
	}
}

func TestNobodyWatches(t *testing.T) {
	t.Parallel()
	d := newDashboard(t, open(t, "memory://"), Config{})
	newPerson(t, d).get("/alerts").want(t, http.StatusOK, "Nobody has watched yet", "There are no rules.", "No incident has ended yet.")
}

func TestSilencesByThePage(t *testing.T) {
	t.Parallel()
	c := open(t, "memory://")
	withAlarms(t, c)
	d := withPeople(t, c, Config{})
	op, sms := newPerson(t, d).enter("operator"), newPerson(t, d).enter("sms-operator")
	op.post("/alerts/silence", "queues", "mail*", "for", "2h", "why", "planned").leads(t, "/alerts?did=silence")
	op.get("/alerts?did=silence").want(t, http.StatusOK, "Messages about what begins are held back.", "mail*", "planned", "operator")
	sms.post("/alerts/silence", "queues", "sms-uk", "for", "2h", "why", "planned").leads(t, "/alerts?did=silence")
	for what, form := range map[string][]string{
		"no reason": {"queues", "sms", "for", "2h"}, "no time": {"queues", "sms", "why", "x"}, "too long": {"queues", "sms", "why", "x", "for", "9999h"},
		"a bad pattern": {"queues", "a/b", "why", "x", "for", "2h"},
	} {
		if got := op.post("/alerts/silence", form...); got.status != http.StatusBadRequest {
			t.Errorf("%s: %d %s", what, got.status, got.body)
		}
	}
	sms.post("/alerts/silence", "queues", "*", "for", "2h", "why", "x").want(t, http.StatusForbidden, "name one of them")
	sms.post("/alerts/silence", "queues", "secret", "for", "2h", "why", "x").want(t, http.StatusNotFound)
	sms.post("/alerts/unsilence", "silence", "s1").want(t, http.StatusNotFound)
	sms.post("/alerts/unsilence", "silence", "s2").leads(t, "/alerts?did=unsilence")
	op.post("/alerts/unsilence", "silence", "s2").want(t, http.StatusNotFound)
	s, err := alarm.NewBoard(c).State(t.Context())
	if err != nil || len(s.Silences) != 3 {
		t.Errorf("%+v, %v", s.Silences, err)
	}
	entries, err := c.Desk().Journal(t.Context(), "", 100)
	if err != nil {
		t.Fatal(err)
	}
	noted := 0
	for _, e := range entries {
		if e.Action == "silence" && e.Reason == "planned" && e.Result == "" {
			noted++
		}
	}
	if noted != 2 {
		t.Errorf("%d silences in the journal: %+v", noted, entries)
	}
}

func TestRulesByThePage(t *testing.T) {
	t.Parallel()
	c := open(t, "memory://")
	withAlarms(t, c)
	d := withPeople(t, c, Config{})
	admin := newPerson(t, d).enter("admin")
	admin.post("/alerts/rule", "name", "late", "signal", "lateness", "queues", "sms*", "above", "30s", "clear", "10s", "for", "1m").leads(t, "/alerts?did=rule")
	admin.post("/alerts/rule", "name", "memory", "signal", "redis_memory", "queues", "*", "above", "90%").leads(t, "/alerts?did=rule")
	s, err := alarm.NewBoard(c).State(t.Context())
	if err != nil || len(s.Rules) != 6 || s.Rules[4].Above != 30 || s.Rules[4].For != time.Minute || s.Rules[5].Above != 0.9 {
		t.Errorf("%+v, %v", s.Rules, err)
	}
	for words, form := range map[string][]string{
		"want a duration such as 30s": {"name", "x", "signal", "lateness", "above", "30"},
		"for &#34;soon&#34;":          {"name", "x", "signal", "lateness", "above", "30s", "for", "soon"},
		"want one of":                 {"name", "x", "signal", "cpu", "above", "30"},
		"made by a configuration":     {"name", "deep", "signal", "depth", "above", "30"},
		"name of rule":                {"name", "<b>", "signal", "depth", "above", "30"},
	} {
		admin.post("/alerts/rule", form...).want(t, http.StatusBadRequest, words)
	}
	admin.post("/alerts/rule/remove", "name", "late").leads(t, "/alerts?did=remove")
	admin.post("/alerts/rule/remove", "name", "late").want(t, http.StatusNotFound)
	admin.post("/alerts/rule/remove", "name", "deep").want(t, http.StatusNotFound)
	newPerson(t, d).enter("sms-admin").post("/alerts/rule", "name", "x", "signal", "depth", "above", "5").want(t, http.StatusForbidden)
	newPerson(t, d).enter("operator").post("/alerts/rule", "name", "x", "signal", "depth", "above", "5").want(t, http.StatusForbidden)
}

// Links in messages lead to pages that there are.
func TestMessagesLinkToPages(t *testing.T) {
	t.Parallel()
	c := open(t, "memory://")
	d := newDashboard(t, c, Config{})
	if _, err := c.Enqueue(t.Context(), queue.Job{Queue: "sms", Kind: "k"}); err != nil {
		t.Fatal(err)
	}
	run(t, d)
	for _, name := range []string{"", "sms"} {
		u, err := url.Parse(alarm.PageURL("https://ops.example", name))
		if err != nil {
			t.Fatal(err)
		}
		if got := newPerson(t, d).get(u.RequestURI()); got.status != http.StatusOK || !regexp.MustCompile(`<h1>`).MatchString(got.body) {
			t.Errorf("%s: %d", u, got.status)
		}
	}
}
