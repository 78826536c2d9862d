package dashboard

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dueq-io/dueq/queue"
)

const (
	// shownQueues bounds the table: a fragment goes to every tab every second. The JSON has all.
	shownQueues = 200
	// shownFindings bounds the verdict line.
	shownFindings = 4
)

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

// column is one of the table; Means explains it.
type column struct{ Group, Label, Means string }

var columns = []column{
	{"Waiting", "Delayed", "Jobs whose time has not come"},
	{"Waiting", "Retrying", "Jobs that failed and wait to run again"},
	{"Waiting", "Next due", "Time until the next delayed or retrying job is due"},
	{"Waiting", "Overdue", "Jobs that are due but not promoted"},
	{"Working", "Ready", "Jobs that wait for a worker"},
	{"Working", "Oldest ready", "How long the first ready job has been due"},
	{"Working", "Leased", "Jobs that run"},
	{"Ended", "Done", "Finished jobs that are kept"},
	{"Ended", "Dead", "Jobs in the dead letter"},
	{"Flow", "In/s", "Jobs enqueued a second, over 10 s"},
	{"Flow", "Out/s", "Jobs acked a second, over 10 s"},
	{"Flow", "Failed/s", "Attempts a second that ended in a retry or in dead, over 10 s"},
}

type row struct {
	Name  string
	Level level
	Why   []string
	// Badges are states that an operator chose, or that keep producers out.
	Badges []string
	Cells  []cell
	Spark  spark
}

type cell struct {
	Label, Text string
	Level       level
}

// Zero says that there is nothing to see here, so that the eye can skip it.
func (c cell) Zero() bool { return c.Text == "0" || c.Text == none }

func newOverview(f *frame, now time.Time, cfg *Config, namespace string) overview {
	v := judge(f, now, cfg)
	o := overview{
		Verdict: viewVerdict(v), Sampled: sampled(f, now), Stale: f.stale(now, cfg.IdleInterval),
		Tiles: tiles(f, v.Findings), Columns: columns, Namespace: namespace,
	}
	for i := range f.queues {
		o.Rows = append(o.Rows, newRow(&f.queues[i], v.Findings))
	}
	slices.SortStableFunc(o.Rows, func(a, b row) int {
		return cmp.Or(int(b.Level)-int(a.Level), cmp.Compare(a.Name, b.Name))
	})
	if o.More = len(o.Rows) - shownQueues; o.More > 0 {
		o.Rows = o.Rows[:shownQueues]
	}
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
		{Name: "Oldest ready", Value: age(t.Ready, t.OldestReady), Note: t.oldest, Level: worst(findings, "", "oldest_ready")},
		{Name: "Overdue", Value: formatCount(t.Overdue), Note: overdueNote(&t), Level: worst(findings, "", "overdue")},
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

func newRow(q *queueState, findings []finding) row {
	r := row{Name: q.Name, Level: worst(findings, q.Name, "")}
	for _, f := range findings {
		if f.Queue == q.Name {
			r.Why = append(r.Why, f.Text)
		}
	}
	if q.err != nil {
		return r
	}
	r.Badges = badges(q)
	due := none
	if q.NextDue >= 0 {
		due = formatSpan(q.NextDue)
	} else if q.Overdue > 0 {
		due = "now"
	}
	state := func(s queue.State) string { return formatCount(q.State(s)) }
	texts := []string{
		state(queue.Delayed), state(queue.Retrying), due, formatCount(q.Overdue),
		state(queue.Ready), age(q.Ready, q.OldestReady), state(queue.Leased),
		state(queue.Done), state(queue.Dead),
		rate(q.rate.In, q.rateKnown), rate(q.rate.Out, q.rateKnown), rate(q.rate.Failed, q.rateKnown),
	}
	for i, text := range texts {
		c := cell{Label: columns[i].Label, Text: text}
		switch c.Label {
		case "Overdue":
			c.Level = worst(findings, q.Name, "overdue")
		case "Oldest ready":
			c.Level = worst(findings, q.Name, "oldest_ready")
		}
		r.Cells = append(r.Cells, c)
	}
	r.Spark = newSpark(q.series)
	return r
}

func badges(q *queueState) []string {
	var out []string
	if q.Paused {
		out = append(out, "paused")
	}
	if q.Closed {
		out = append(out, "intake closed")
	}
	if q.MaxLen > 0 {
		out = append(out, "limit "+formatCount(q.MaxLen))
	}
	return out
}

// age is how long the first of n jobs has waited.
func age(n int64, d time.Duration) string {
	if n == 0 {
		return none
	}
	return formatSpan(d)
}

func rate(perSecond float64, known bool) string {
	if !known {
		return none
	}
	return formatRate(perSecond)
}

// worst is the level of the findings on a queue by a rule; empty selects all.
func worst(findings []finding, name, rule string) level {
	out := healthy
	for _, f := range findings {
		if (name == "" || f.Queue == name) && (rule == "" || f.Rule == rule) {
			out = max(out, f.Level)
		}
	}
	return out
}
