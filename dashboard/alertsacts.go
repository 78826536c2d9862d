package dashboard

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/dueq-io/dueq/alarm"
	"github.com/dueq-io/dueq/dashboard/access"
	"github.com/dueq-io/dueq/queue"
)

// alertRoutes are those of the Alerts page.
func (d *Dashboard) alertRoutes() []route {
	return []route{
		{pattern: "GET /api/v1/alerts", need: access.See, show: d.serveAlerts, script: true},
		{pattern: "POST /alerts/silence", need: access.Operate, change: d.silence},
		{pattern: "POST /alerts/unsilence", need: access.Operate, change: d.unsilence},
		{pattern: "POST /alerts/rule", need: access.Administer, change: d.setRule},
		{pattern: "POST /alerts/rule/remove", need: access.Administer, change: d.removeRule},
	}
}

// didAlertWords say what was just done, by the word in the address of the page that tells it.
var didAlertWords = map[string]phrase{
	"silence":   say("Messages about what begins are held back."),
	"unsilence": say("The silence is over."),
	"rule":      say("The rule holds for all who watch."),
	"remove":    say("The rule is gone; its incidents end."),
}

// alertDeed is one change of alarms: of what it is noted, and what it does.
type alertDeed struct {
	// did is the word for it in didAlertWords, and queue the one queue that it is for; empty: several.
	did, queue, filter, bound, reason string
	do                                func(ctx context.Context, b *alarm.Board) error
}

// alert carries out a deed, notes it, and shows the page again.
func (d *Dashboard) alert(w http.ResponseWriter, r *http.Request, a *actor, deed alertDeed) {
	action := map[string]string{"silence": "silence", "unsilence": "end silence", "rule": "set rule", "remove": "remove rule"}[deed.did]
	e := queue.JournalEntry{Action: action, Queue: deed.queue, Filter: deed.filter, Bound: deed.bound, Reason: deed.reason}
	_, err := a.do(r, e, func(ctx context.Context, _ *queue.Client) (int64, error) { return 0, deed.do(ctx, d.alarms) })
	if err != nil {
		d.serveProblem(w, r, alertProblem(err))
		return
	}
	http.Redirect(w, r, d.cfg.BasePath+"/alerts?did="+deed.did, http.StatusSeeOther)
}

// alertProblem says what is wrong with a form, in the words of the package that refused it.
func alertProblem(err error) error {
	switch {
	case errors.Is(err, queue.ErrInvalid):
		why := strings.TrimPrefix(err.Error(), queue.ErrInvalid.Error()+": ")
		return &refusal{http.StatusBadRequest, say("That cannot be asked for"), say("It was refused: %s.", why)}
	case errors.Is(err, errScoped):
		return &refusal{http.StatusForbidden, say("That cannot be asked for"), say("You see only some queues: name one of them.")}
	case errors.Is(err, alarm.ErrNoSilence), errors.Is(err, alarm.ErrNoRule):
		return queue.ErrNotFound
	default:
		return err
	}
}

// one is a pattern where it is the name of one queue.
func one(pattern string) string {
	if isPattern(pattern) {
		return ""
	}
	return pattern
}

func (d *Dashboard) silence(w http.ResponseWriter, r *http.Request, a *actor) {
	s := alarm.Silence{
		Rule: strings.TrimSpace(r.PostFormValue("rule")), Queues: strings.TrimSpace(r.PostFormValue("queues")),
		Why: strings.TrimSpace(r.PostFormValue("why")), By: a.id.Name,
	}
	length, err := time.ParseDuration(r.PostFormValue("for"))
	if err != nil {
		d.serveProblem(w, r, alertProblem(fmt.Errorf("%w: for %q: want a duration such as 2h", queue.ErrInvalid, r.PostFormValue("for"))))
		return
	}
	if s.By == "" {
		s.By = "anonymous"
	}
	d.alert(w, r, a, alertDeed{
		did: "silence", queue: one(s.Queues), filter: "rule=" + s.Rule + " queues=" + s.Queues, bound: length.String(), reason: s.Why,
		do: func(ctx context.Context, b *alarm.Board) error { _, err := b.Silence(ctx, s, length); return err },
	})
}

func (d *Dashboard) unsilence(w http.ResponseWriter, r *http.Request, a *actor) {
	id := r.PostFormValue("silence")
	state, err := d.alarms.State(r.Context())
	if err != nil {
		d.serveProblem(w, r, err)
		return
	}
	queues, found := "", false
	for i := range state.Silences {
		if state.Silences[i].ID == id {
			queues, found = state.Silences[i].Queues, true
		}
	}
	if !found {
		d.serveProblem(w, r, queue.ErrNotFound)
		return
	}
	d.alert(w, r, a, alertDeed{
		did: "unsilence", queue: one(queues), filter: "queues=" + queues,
		do: func(ctx context.Context, b *alarm.Board) error { return b.EndSilence(ctx, id) },
	})
}

func (d *Dashboard) setRule(w http.ResponseWriter, r *http.Request, a *actor) {
	rule, err := ruleOf(r)
	if err != nil {
		d.serveProblem(w, r, alertProblem(err))
		return
	}
	d.alert(w, r, a, alertDeed{
		did: "rule", filter: "rule=" + rule.Name, bound: rule.Signal.Format(rule.Above),
		do: func(ctx context.Context, b *alarm.Board) error { return b.SetRule(ctx, rule) },
	})
}

// ruleOf reads the form of a rule. What is wrong with its values beyond that is for alarm to say.
func ruleOf(r *http.Request) (alarm.Rule, error) {
	field := func(name string) string { return strings.TrimSpace(r.PostFormValue(name)) }
	rule := alarm.Rule{Name: field("name"), Signal: alarm.Signal(field("signal")), Queues: field("queues")}
	if !rule.Signal.OfQueue() {
		rule.Queues = ""
	}
	var err error
	for name, value := range map[string]*float64{"above": &rule.Above, "clear": &rule.Clear} {
		if field(name) == "" {
			continue
		}
		if *value, err = rule.Signal.Parse(field(name)); err != nil {
			return rule, fmt.Errorf("%w: %s: %w", queue.ErrInvalid, name, err)
		}
	}
	if text := field("for"); text != "" {
		if rule.For, err = time.ParseDuration(text); err != nil {
			return rule, fmt.Errorf("%w: for %q: want a duration such as 1m", queue.ErrInvalid, text)
		}
	}
	return rule, nil
}

func (d *Dashboard) removeRule(w http.ResponseWriter, r *http.Request, a *actor) {
	name := r.PostFormValue("name")
	d.alert(w, r, a, alertDeed{
		did: "remove", filter: "rule=" + name,
		do: func(ctx context.Context, b *alarm.Board) error { return b.RemoveRule(ctx, name) },
	})
}
