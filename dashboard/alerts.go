package dashboard

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/dueq-io/dueq/alarm"
	"github.com/dueq-io/dueq/dashboard/access"
)

// alertsView is what the Alerts page shows.
type alertsView struct {
	// Watched says that somebody looks at the queues, Looked when they were last looked at.
	Watched bool
	Looked  *moment
	Open    []incidentRow
	Ended   []incidentRow
	// Silences, and Rules, are those of queues in sight.
	Silences []silenceRow
	Rules    []ruleRow
	// Acts says that the reader may silence, Edits that they may change rules, and Signals are what a rule
	// may be about.
	Acts, Edits bool
	Signals     []signalChoice
	// Did says what was just done. Queue is one to be silenced.
	Did   phrase
	Queue string
}

type incidentRow struct {
	Rule, Queue        string
	Signal             phrase
	Value, Peak, Limit string
	Since, Ended       *moment
	For                string
	Silenced           bool
	Told               []toldRow
	Note               string
}

// toldRow is what became of the messages of an incident.
type toldRow struct {
	Sender string
	// Word says whether the beginning was told, Error why not, for those who can mend it.
	Word  phrase
	Bad   bool
	Error string
}

type silenceRow struct {
	ID, Rule, Queues, By, Why string
	Until                     *moment
}

type ruleRow struct {
	Name, Queues        string
	Signal              phrase
	Above, Clear, For   string
	Added, Broken, Held bool
}

type signalChoice struct {
	Name alarm.Signal
	Word phrase
}

// signalWords name the signals.
var signalWords = map[alarm.Signal]phrase{
	alarm.Depth: say("ready jobs"), alarm.OldestReady: say("oldest ready job"), alarm.Overdue: say("overdue jobs"),
	alarm.Lateness: say("lateness, p99 of 5 min"), alarm.ErrorRate: say("failed attempts, 5 min"), alarm.DeadGrowth: say("jobs dead within an hour"),
	alarm.NoWorker: say("ready jobs and no worker"), alarm.RedisMemory: say("memory of Redis"), alarm.RedisAway: say("Redis away"),
}

// unwatched is how long after the last look it is said that nobody looks.
const unwatched = time.Minute

func isWatched(s *alarm.State) bool { return !s.Looked.IsZero() && s.Now.Sub(s.Looked) <= unwatched }

func (d *Dashboard) alertsData(ctx context.Context, v *view) (any, error) {
	s, err := d.alarms.State(ctx)
	if err != nil {
		return nil, err
	}
	out := alertsView{
		Watched: isWatched(s), Looked: newMoment(s.Looked, s.Now),
		Acts: v.acts(access.Operate), Edits: v.acts(access.Administer) && v.id.Scope() == "",
		Did: didAlertWords[v.query.Get("did")], Queue: v.query.Get("queue"),
	}
	for _, signal := range alarm.Signals() {
		out.Signals = append(out.Signals, signalChoice{signal, signalWords[signal]})
	}
	for _, i := range v.seenOpen(s) {
		out.Open = append(out.Open, v.incidentRow(&i, s))
	}
	for _, i := range v.seenEnded(s) {
		out.Ended = append(out.Ended, v.incidentRow(&i, s))
	}
	for _, silence := range v.seenSilences(s) {
		out.Silences = append(out.Silences, silenceRow{
			silence.ID, silence.Rule, silence.Queues, silence.By, silence.Why, newMoment(silence.Until, s.Now),
		})
	}
	for _, r := range v.seenRules(s) {
		out.Rules = append(out.Rules, newRuleRow(&r, s))
	}
	return out, nil
}

// seesIncident says whether an incident is one of a queue in sight; those of Redis are for who sees all.
func (s sight) seesIncident(i *alarm.Incident) bool {
	if i.Queue == "" {
		return s.id.Scope() == ""
	}
	return s.id.Sees(i.Queue)
}

func (v *view) seenOpen(s *alarm.State) []alarm.Incident { return v.seen(s.Open) }

func (v *view) seenEnded(s *alarm.State) []alarm.Incident { return v.seen(s.Ended) }

func (v *view) seen(all []alarm.Incident) []alarm.Incident {
	return slices.DeleteFunc(slices.Clone(all), func(i alarm.Incident) bool { return !v.seesIncident(&i) })
}

// seenPattern says whether a pattern of queues discloses none out of sight: it is of one in sight, or of all.
func (v *view) seenPattern(pattern string) bool {
	return v.id.Scope() == "" || pattern == "*" || (!isPattern(pattern) && v.id.Sees(pattern))
}

func isPattern(text string) bool { return strings.ContainsAny(text, "*?") }

func (v *view) seenSilences(s *alarm.State) []alarm.Silence {
	return slices.DeleteFunc(slices.Clone(s.Silences), func(silence alarm.Silence) bool {
		return !s.Now.Before(silence.Until) || !v.seenPattern(silence.Queues)
	})
}

func (v *view) seenRules(s *alarm.State) []alarm.Rule {
	return slices.DeleteFunc(slices.Clone(s.Rules), func(r alarm.Rule) bool {
		return v.id.Scope() != "" && (!r.Signal.OfQueue() || !v.seenPattern(r.Queues))
	})
}

func (v *view) incidentRow(i *alarm.Incident, s *alarm.State) incidentRow {
	signal := i.Rule.Signal
	row := incidentRow{
		Rule: i.Rule.Name, Queue: i.Queue, Signal: signalWords[signal], Value: signal.Format(i.Value), Peak: signal.Format(i.Peak),
		Limit: signal.Format(i.Rule.Above), Since: newMoment(i.Since, s.Now), Ended: newMoment(i.Ended, s.Now), Note: i.Note,
		Silenced: i.Silenced || (i.Open() && s.Silenced(i)),
	}
	if !i.Open() {
		row.For = formatSpan(i.Ended.Sub(i.Since))
	}
	for n := range i.Deliveries {
		d := &i.Deliveries[n]
		told := toldRow{Sender: d.Sender, Word: say("told")}
		switch {
		case d.Error != "":
			told.Bad, told.Word = true, say("could not be told")
			if v.id.May(access.Operate) {
				told.Error = d.Error
			}
		case d.Opened.IsZero():
			told.Word = say("being told")
		}
		row.Told = append(row.Told, told)
	}
	return row
}

func newRuleRow(r *alarm.Rule, s *alarm.State) ruleRow {
	row := ruleRow{
		Name: r.Name, Queues: r.Queues, Signal: signalWords[r.Signal], Above: r.Signal.Format(r.Above), Clear: r.Signal.Format(r.Clear),
		For: formatSpan(r.For), Added: r.Added,
	}
	row.Broken = slices.ContainsFunc(s.Open, func(i alarm.Incident) bool { return i.Rule.Name == r.Name })
	return row
}

// alertsJSON is the page for programs.
type alertsJSON struct {
	Looked   *time.Time       `json:"looked"`
	Open     []alarm.Incident `json:"open"`
	Ended    []alarm.Incident `json:"ended"`
	Silences []alarm.Silence  `json:"silences"`
	Rules    []alarm.Rule     `json:"rules"`
}

func (d *Dashboard) serveAlerts(w http.ResponseWriter, r *http.Request) {
	s, err := d.alarms.State(r.Context())
	if err != nil {
		d.writeProblem(w, r, err)
		return
	}
	v := d.view(r, d.sight(r).frame(r.Context()), time.Now())
	out := alertsJSON{Open: v.seenOpen(s), Ended: v.seenEnded(s), Silences: v.seenSilences(s), Rules: v.seenRules(s)}
	if !s.Looked.IsZero() {
		out.Looked = &s.Looked
	}
	if !v.id.May(access.Operate) {
		for _, list := range [][]alarm.Incident{out.Open, out.Ended} {
			for i := range list {
				list[i].Deliveries = nil // errors of mail servers are for those who can mend them
			}
		}
	}
	writeJSON(w, http.StatusOK, out)
}
