package dashboard

import (
	"time"
)

// shownFindings bounds the verdict line.
const shownFindings = 4

// overview is what the template of that name shows.
type overview struct {
	Verdict   verdictView
	Sampled   phrase
	Stale     bool
	Tiles     []tile
	Columns   []column
	Rows      []row
	More      int
	Namespace string
}

type verdictView struct {
	Level    level
	Word     phrase
	Text     phrase
	Findings []finding
	More     int
	// Mark goes before the title of the browser's tab. Say is what a screen reader hears when the
	// verdict changes.
	Mark string
	Say  phrase
}

type tile struct {
	Name  phrase
	Value string
	Note  phrase
	Level level
}

func newOverview(look *view, cfg *Config, namespace string) overview {
	f, now := look.frame, look.now
	v := judge(f, now, cfg)
	o := overview{
		Verdict: viewVerdict(v), Sampled: sampled(f, now), Stale: f.stale(now, cfg.IdleInterval),
		Tiles: tiles(f, v.Findings), Columns: columns, Namespace: namespace,
	}
	o.Rows, o.More = newRows(f.queues, v.Findings)
	return o
}

// sampled says how old the numbers are, and how Redis answered.
func sampled(f *frame, now time.Time) phrase {
	if f.at.IsZero() {
		return say("no sample yet")
	}
	at, took := f.at.UTC().Format("15:04:05"), formatSpan(f.took)
	if age := now.Sub(f.at); age >= time.Second {
		return say("sampled %s UTC, %s ago · Redis answered in %s", at, formatSpan(age), took)
	}
	return say("sampled %s UTC · Redis answered in %s", at, took)
}

// levelMarks mark the levels where there are no colours.
var levelMarks = map[level]string{healthy: "✓", idle: "✓", degraded: "⚠", down: "✖"}

func viewVerdict(v verdict) verdictView {
	out := verdictView{Level: v.Level, Word: v.Level.Word(), Text: v.Text, Findings: v.Findings, Mark: levelMarks[v.Level]}
	if out.More = len(v.Findings) - shownFindings; out.More > 0 {
		out.Findings = v.Findings[:shownFindings]
	}
	out.Say = say("%s.", out.Word)
	for _, f := range out.Findings {
		if f.Queue == "" {
			out.Say = say("%s %s.", out.Say, f.Say)
		} else {
			out.Say = say("%s %s: %s.", out.Say, f.Queue, f.Say)
		}
	}
	return out
}

func tiles(f *frame, findings []finding) []tile {
	if f.at.IsZero() {
		return nil
	}
	t := sum(f.queues)
	var flowNote phrase
	if t.rateKnown {
		flowNote = say("%s, %s failed", surplus(t.rate.In-t.rate.Out), formatRate(t.rate.Failed))
	}
	return []tile{
		{Name: say("Ready"), Value: formatCount(t.Ready), Note: say("in %d of %d queues", t.withReady, len(f.queues))},
		{Name: say("Oldest ready"), Value: age(t.Ready, t.OldestReady), Note: say("%s", t.oldest), Level: worst(findings, "oldest_ready")},
		{Name: say("Overdue"), Value: formatCount(t.Overdue), Note: overdueNote(&t), Level: worst(findings, "overdue")},
		{Name: say("Leased"), Value: formatCount(t.Leased), Note: say("running now")},
		{Name: say("Delayed"), Value: formatCount(t.Delayed), Note: say("and %s retrying", formatCount(t.Retrying))},
		{Name: say("In / out per second"), Value: rate(t.rate.In, t.rateKnown) + " / " + rate(t.rate.Out, t.rateKnown), Note: flowNote},
		{Name: say("Dead"), Value: formatCount(t.Dead), Note: say("%s done, kept", formatCount(t.Done))},
	}
}

// surplus writes what more goes in than comes out, a second.
func surplus(perSecond float64) phrase {
	switch {
	case perSecond > 0:
		return say("net +%s", formatRate(perSecond))
	case perSecond < 0:
		return say("net −%s", formatRate(-perSecond))
	default:
		return say("net 0")
	}
}

func overdueNote(t *totals) phrase {
	if t.Overdue == 0 {
		return say("promoted in time")
	}
	return say("%s, %s", t.overdue, formatSpan(t.OverdueAge))
}
