package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dueq-io/dueq/alarm"
	"github.com/dueq-io/dueq/internal/redistest"
	"github.com/dueq-io/dueq/queue"
)

func TestAlarmRulesAreChecked(t *testing.T) {
	for rules, words := range map[string][]string{
		"deep":                                            {"alarms.rules", "want a list of rules"},
		"[deep]":                                          {"rule 1", "want name, signal"},
		"[{name: a, signal: depth, abov: 5}]":             {"rule a", "no such field: abov"},
		"[{name: a, signal: cpu, above: 5}]":              {"rule a", "signal", "cpu", "oldest_ready"},
		"[{name: a, signal: depth, above: 5m}]":           {"rule a", "above", "want a number of jobs"},
		"[{name: a, signal: overdue, above: 5}]":          {"rule a", "want a duration"},
		"[{name: a, signal: error_rate, above: 1}]":       {"rule a", "want a percentage"},
		"[{name: a, signal: depth}]":                      {"rule a", "such as 1000"},
		"[{name: a, signal: depth, above: [1]}]":          {"rule a", "above: want text or a number"},
		"[{name: a, signal: depth, above: 5, clear: 6}]":  {"rule a", "at most above"},
		"[{name: a, signal: depth, above: 5, for: soon}]": {"rule a", "for", "want a duration"},
		"[{name: a, signal: depth, above: 5}, {name: a, signal: depth, above: 5}]": {"two rules have the name"},
		"[{name: a, signal: redis_memory, above: 90%, queues: sms}]":               {"rule a", "is of Redis"},
	} {
		t.Run(rules, func(t *testing.T) {
			inFolderWith(t, "alarms:\n  rules: "+rules+"\n")
			dueq(t, "config").failed(t, words...)
		})
	}
	inFolderWith(t, "alarms:\n  rules:\n    - {name: a, signal: oldest_ready, queues: sms*, above: 5m, clear: 1m, for: 30s}\n")
	r := dueq(t, "config").want(t, exitOK)
	wantWords(t, r.out, `{"name":"a","signal":"oldest_ready","queues":"sms*","above":"5m","clear":"1m","for":"30s"}`)
	inFolderWith(t, "alarms:\n  rules: []\n")
	wantWords(t, dueq(t, "config").want(t, exitOK).out, "rules: []")
}

func TestAlarmSendersAreChecked(t *testing.T) {
	for settings, words := range map[string][]string{
		"smtp: 'smtp://h'": {"at least one address"},
		"smtp: 'http://h'\n  mail_from: a@b.c\n  mail_to: [a@b.c]":                {"alarms.smtp"},
		"smtp: 'smtp://u:se/cr@h'\n  mail_from: a@b.c\n  mail_to: [a@b.c]":        {"alarms.smtp", "%40"},
		"smtp: 'smtp+plain://u:geheim@h'\n  mail_from: a@b.c\n  mail_to: [a@b.c]": {"not sent without TLS"},
		"webhook: 'https://h/geheim'":                                             {"webhook", "whsec_"},
		"webhook_secret: whsec_c2VjcmV0":                                          {"webhook", "want a URL"},
		"slack: 'geheim'":                                                         {"slack", "want a URL"},
	} {
		t.Run(settings, func(t *testing.T) {
			inFolderWith(t, "redis: memory://\nalarms:\n  "+settings+"\n")
			for _, command := range [][]string{{"dashboard", "--listen", "127.0.0.1:0"}, {"alarms", "test"}} {
				r := dueq(t, command...)
				if r.failed(t, words...); strings.Contains(r.err, "geheim") || strings.Contains(r.err, "se/cr") {
					t.Errorf("shows a secret: %s", r.err)
				}
			}
		})
	}
	inFolderWith(t, "alarms:\n  smtp: smtp://u:geheim@h\n  slack: https://h/geheim\n  webhook_secret: whsec_geheim\n  webhook: https://u:geheim@h\n")
	if r := dueq(t, "config").want(t, exitOK); strings.Contains(r.out, "geheim") {
		t.Errorf("config shows a secret:\n%s", r.out)
	}
}

func TestAlarmsTest(t *testing.T) {
	var posts atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if r.URL.Path == "/down" {
			w.WriteHeader(http.StatusBadGateway)
		}
		posts.Add(1)
	}))
	defer server.Close()
	inFolderWith(t, "alarms:\n  slack: "+server.URL+"/up\n  webhook: "+server.URL+"/down\n  webhook_secret: whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n")
	r := dueq(t, "alarms", "test")
	r.failed(t, "webhook: post: answered 502")
	if wantWords(t, r.out, "slack: sent"); posts.Load() != 2 {
		t.Errorf("%d posts", posts.Load())
	}
	inFolderWith(t, "")
	dueq(t, "alarms", "test").failed(t, "no mail, webhook or chat is set up")
}

// A dashboard watches, and what it saw, said and was told is shown by the command.
func TestAlarmsOfADashboard(t *testing.T) {
	inFolderWith(t, "alarms:\n  interval: 1s\n  rules: [{name: deep, signal: depth, above: 1}]\n")
	p := newPlace(t)
	c := p.client()
	wantWords(t, p.dueq("alarms").want(t, exitOK).err, "nobody watches")
	d := background(t, p.args("dashboard", "--listen", "127.0.0.1:0")...)
	p.dueq("alarms", "set", "shallow", "--signal", "depth", "--above", "0").failed(t, "rule shallow")
	p.dueq("alarms", "set", "oldest", "--signal", "oldest_ready", "--above", "1h").want(t, exitOK)
	p.dueq("alarms", "silence", "--for", "1h").want(t, exitUsage)
	id, _, _ := strings.Cut(p.dueq("alarms", "silence", "--queue", "sms", "--for", "1h", "--why", "known\x1b[31m", "--by", "op1").want(t, exitOK).out, " ")
	enqueueAll(t, c, queue.Job{Queue: "sms", Kind: "k"}, queue.Job{Queue: "sms", Kind: "k"})
	var view alarmsView
	read := func() bool {
		view = alarmsView{}
		return json.Unmarshal([]byte(p.dueq("alarms", "--json").want(t, exitOK).out), &view) == nil
	}
	redistest.Eventually(t, patience, func() bool { return read() && len(view.Open) == 1 }, "no incident")
	if i := view.Open[0]; i.Queue != "sms" || i.Value != 2 || !i.Silenced || len(view.Rules) != 2 || view.Silences[0].ID != id {
		t.Errorf("%+v", view)
	}
	out := p.dueq("alarms").want(t, exitOK).out
	wantWords(t, out, "RULES", "run time", "configuration", "INCIDENTS", "silenced", "SILENCES", `known\x1b[31m`, "op1")
	d.says("alarm: incident")
	p.dueq("alarms", "unsilence", id).want(t, exitOK)
	p.dueq("alarms", "unsilence", id).failed(t, "no such silence")
	p.dueq("alarms", "remove", "deep").failed(t, "made at run time")
	p.dueq("alarms", "remove", "oldest").want(t, exitOK)
	deliveries, _, err := c.Broker().Lease(t.Context(), "sms", 2, queue.DefaultLease)
	if err != nil || len(deliveries) != 2 {
		t.Fatal(deliveries, err)
	}
	redistest.Eventually(t, patience, func() bool { return read() && len(view.Ended) == 1 }, "it does not end")
	wantWords(t, p.dueq("alarms").want(t, exitOK).out, "OVER", "deep")
	if r := p.dueq("alarms", "--history", "0").want(t, exitOK); strings.Contains(r.out, "OVER") {
		t.Error("shows history that was not asked for")
	}
	d.stop().want(t, exitOK)
}

func TestRuleTextsReadAsTheyAreWritten(t *testing.T) {
	t.Parallel()
	for _, r := range alarm.DefaultRules() {
		text := textOf(&r)
		read, err := text.rule()
		if err != nil {
			t.Fatal(err)
		}
		again, err := alarm.CheckRules([]alarm.Rule{read})
		if err != nil || again[0].Name != r.Name || again[0].For != r.For || again[0].Above-r.Above > 1e-9 || again[0].Clear-r.Clear > 1e-9 {
			t.Errorf("%+v reads as %+v, %v", r, again, err)
		}
	}
	if r := (ruleText{Name: "a", Signal: "depth", Above: "5", For: time.Minute.String()}); r.yaml() != `{"name":"a","signal":"depth","above":"5","for":"1m0s"}` {
		t.Errorf("%s", r.yaml())
	}
}
