package dashboard

import (
	"fmt"
	"strings"
	"time"
)

// shownFindings bounds the verdict line.
const shownFindings = 4

// overview is what the template of that name shows.
type overview struct {
	Verdict   verdictView
	Sampled   string
	Stale     bool
	Tiles     []tile
	Columns   []column
	Rows      []row
	More      int
	Namespace string
}

type verdictView struct {
	Level    level
	Word     string
	Text     string
	Findings []finding
	More     int
	// Title is that of the browser's tab. Say is what a screen reader hears when the verdict changes.
	Title, Say string
}

type tile struct {
	Name, Value, Note string
	Level             level
}

func newOverview(f *frame, now time.Time, cfg *Config, namespace string) overview {
	v := judge(f, now, cfg)
	o := overview{
		Verdict: viewVerdict(v), Sampled: sampled(f, now), Stale: f.stale(now, cfg.IdleInterval),
		Tiles: tiles(f, v.Findings), Columns: columns, Namespace: namespace,
	}
	o.Rows, o.More = newRows(f.queues, v.Findings)
	return o
}

// sampled says how old the numbers are, and how Redis answered.
func sampled(f *frame, now time.Time) string {
	if f.at.IsZero() {
		return "no sample yet"
	}
	text := "sampled " + f.at.UTC().Format("15:04:05") + " UTC"
	if age := now.Sub(f.at); age >= time.Second {
		text += ", " + formatSpan(age) + " ago"
	}
	return text + " · Redis answered in " + formatSpan(f.took)
}

func viewVerdict(v verdict) verdictView {
	word := map[level]string{healthy: "Healthy", idle: "Idle, healthy", degraded: "Degraded", down: "Down"}[v.Level]
	mark := map[level]string{healthy: "✓", idle: "✓", degraded: "⚠", down: "✖"}[v.Level]
	out := verdictView{Level: v.Level, Word: word, Text: v.Text, Findings: v.Findings, Title: mark + " " + word + " · dueq"}
	if out.More = len(v.Findings) - shownFindings; out.More > 0 {
		out.Findings = v.Findings[:shownFindings]
	}
	say := []string{word}
	for _, f := range out.Findings {
		say = append(say, strings.TrimPrefix(f.Queue+": "+f.Say, ": "))
	}
	out.Say = strings.Join(say, ". ") + "."
	return out
}

func tiles(f *frame, findings []finding) []tile {
	if f.at.IsZero() {
		return nil
	}
	t := sum(f.queues)
	flowNote := ""
	if t.rateKnown {
		flowNote = surplus(t.rate.In-t.rate.Out) + ", " + formatRate(t.rate.Failed) + " failed"
	}
	return []tile{
		{Name: "Ready", Value: formatCount(t.Ready), Note: fmt.Sprintf("in %d of %d %s", t.withReady, len(f.queues), plural(int64(len(f.queues)), "queue"))},
		{Name: "Oldest ready", Value: age(t.Ready, t.OldestReady), Note: t.oldest, Level: worst(findings, "oldest_ready")},
		{Name: "Overdue", Value: formatCount(t.Overdue), Note: overdueNote(&t), Level: worst(findings, "overdue")},
		{Name: "Leased", Value: formatCount(t.Leased), Note: "running now"},
		{Name: "Delayed", Value: formatCount(t.Delayed), Note: "and " + formatCount(t.Retrying) + " retrying"},
		{Name: "In / out per second", Value: rate(t.rate.In, t.rateKnown) + " / " + rate(t.rate.Out, t.rateKnown), Note: flowNote},
		{Name: "Dead", Value: formatCount(t.Dead), Note: formatCount(t.Done) + " done, kept"},
	}
}

// surplus writes what more goes in than comes out, a second.
func surplus(perSecond float64) string {
	switch {
	case perSecond > 0:
		return "net +" + formatRate(perSecond)
	case perSecond < 0:
		return "net −" + formatRate(-perSecond)
	default:
		return "net 0"
	}
}

func overdueNote(t *totals) string {
	if t.Overdue == 0 {
		return "promoted in time"
	}
	return t.overdue + ", " + formatSpan(t.OverdueAge)
}
