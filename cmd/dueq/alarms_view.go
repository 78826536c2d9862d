package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/dueq-io/dueq/alarm"
)

// alarmsView is the state of alarms as JSON. Values are in the unit of the signal: jobs, seconds, or a share
// from 0 to 1.
type alarmsView struct {
	Rules    []alarm.Rule    `json:"rules"`
	Open     []incidentView  `json:"open"`
	Ended    []incidentView  `json:"ended"`
	Silences []alarm.Silence `json:"silences"`
	// Looked is when the queues were last looked at, null when nobody has watched yet.
	Looked *string `json:"looked"`
}

type incidentView struct {
	alarm.Incident
	// Silenced says that its messages are, or were, held back.
	Silenced bool `json:"silenced"`
}

func newAlarmsView(s *alarm.State) *alarmsView {
	v := &alarmsView{
		Rules: append([]alarm.Rule{}, s.Rules...), Silences: append([]alarm.Silence{}, s.Silences...),
		Open: []incidentView{}, Ended: []incidentView{}, Looked: optionalStamp(s.Looked),
	}
	for i := range s.Open {
		v.Open = append(v.Open, incidentView{s.Open[i], s.Silenced(&s.Open[i])})
	}
	for i := range s.Ended {
		v.Ended = append(v.Ended, incidentView{s.Ended[i], s.Ended[i].Silenced})
	}
	return v
}

const (
	// unwatched is how long after the last look it is said that nobody watches.
	unwatched  = time.Minute
	whyWidth   = 50
	toldFailed = "failed"
)

func printAlarms(p *process, s *alarm.State) error {
	switch {
	case s.Looked.IsZero():
		p.note("nobody watches: run dueq dashboard")
	case s.Now.Sub(s.Looked) > unwatched:
		p.note("nobody watches: the last look at the queues was %s", moment(s.Looked, s.Now))
	}
	var parts []string
	part := func(title string, rows [][]string) error {
		if len(rows) == 1 {
			return nil
		}
		var b strings.Builder
		err := table(&b, rows)
		parts = append(parts, title+"\n"+b.String())
		return err
	}
	err := part("RULES", ruleRows(s))
	if err == nil {
		err = part("INCIDENTS", openRows(s))
	}
	if err == nil {
		err = part("SILENCES", silenceRows(s))
	}
	if err == nil {
		err = part("OVER", endedRows(s))
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprint(p.out, strings.Join(parts, "\n"))
	return err
}

func ruleRows(s *alarm.State) [][]string {
	rows := [][]string{{"NAME", "SIGNAL", "QUEUES", "ABOVE", "CLEAR", "FOR", "FROM"}}
	for i := range s.Rules {
		r := &s.Rules[i]
		from := "configuration"
		if r.Added {
			from = "run time"
		}
		rows = append(rows, []string{
			r.Name, string(r.Signal), orDash(r.Queues), r.Signal.Format(r.Above), r.Signal.Format(r.Clear), short(r.For), from,
		})
	}
	return rows
}

func openRows(s *alarm.State) [][]string {
	rows := [][]string{{"SINCE", "RULE", "QUEUE", "SIGNAL", "VALUE", "LIMIT", "TOLD"}}
	for n := range s.Open {
		i := &s.Open[n]
		told := told(i)
		if told == "" && s.Silenced(i) {
			told = "silenced"
		}
		rows = append(rows, []string{
			moment(i.Since, s.Now), i.Rule.Name, orDash(i.Queue), string(i.Rule.Signal),
			i.Rule.Signal.Format(i.Value), i.Rule.Signal.Format(i.Rule.Above), orDash(told),
		})
	}
	return rows
}

// told says who was told, and who could not be.
func told(i *alarm.Incident) string {
	var words []string
	for n := range i.Deliveries {
		switch d := &i.Deliveries[n]; {
		case d.Error != "":
			words = append(words, d.Sender+" "+toldFailed+": "+visible(d.Error, errorWidth))
		case !d.Opened.IsZero():
			words = append(words, d.Sender)
		}
	}
	return strings.Join(words, ", ")
}

func endedRows(s *alarm.State) [][]string {
	rows := [][]string{{"ENDED", "AFTER", "RULE", "QUEUE", "SIGNAL", "PEAK", "LIMIT", "TOLD", "NOTE"}}
	for n := range s.Ended {
		i := &s.Ended[n]
		rows = append(rows, []string{
			moment(i.Ended, s.Now), short(i.Ended.Sub(i.Since)), i.Rule.Name, orDash(i.Queue), string(i.Rule.Signal),
			i.Rule.Signal.Format(i.Peak), i.Rule.Signal.Format(i.Rule.Above), orDash(told(i)), visible(i.Note, whyWidth),
		})
	}
	return rows
}

func silenceRows(s *alarm.State) [][]string {
	rows := [][]string{{"ID", "ENDS", "RULE", "QUEUES", "BY", "WHY"}}
	for i := range s.Silences {
		if silence := &s.Silences[i]; s.Now.Before(silence.Until) {
			rows = append(rows, []string{
				silence.ID, moment(silence.Until, s.Now), silence.Rule, silence.Queues, visible(silence.By, whyWidth), visible(silence.Why, whyWidth),
			})
		}
	}
	return rows
}
