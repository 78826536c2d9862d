package dashboard

import (
	"cmp"
	"math/bits"
	"slices"
	"time"

	"github.com/dueq-io/dueq/queue"
)

// shownQueues bounds the table: a fragment goes to every tab every second. The JSON has all queues.
const shownQueues = 200

// column is one of the table's numbers.
type column struct {
	// Label heads it, Means explains it.
	Label, Means phrase
	// text is the number of a queue, rule that of the findings that mark it.
	text func(*queueState) string
	rule string
	// key names it in an address, value is what it is sorted by; without them it is not.
	key   string
	value func(*queueState) float64
}

func depth(s queue.State, label, means phrase) column {
	return column{Label: label, Means: means, text: func(q *queueState) string { return formatCount(q.State(s)) }}
}

func nextDue(q *queueState) string {
	switch {
	case q.NextDue >= 0:
		return formatSpan(q.NextDue)
	case q.Overdue > 0:
		return "now"
	default:
		return none
	}
}

type row struct {
	Name  string
	Level level
	Why   []phrase
	// Badges are states that an operator chose, or that keep producers out.
	Badges []phrase
	Cells  []cell
	Spark  spark
}

type cell struct {
	Label phrase
	Text  string
	Level level
}

// Zero says that there is nothing to see here, so that the eye can skip it.
func (c cell) Zero() bool { return c.Text == "0" || c.Text == none }

// newRows are the rows of so many queues, with the columns given, and how many there are more. The worst come
// first, and where not all are shown the busiest of equals; by orders of magnitude, so that rows stay where
// they are.
func newRows(queues []queueState, findings []finding, columns []column, most int) (rows []row, more int) {
	wrong := byQueue(findings)
	shown := make([]*queueState, len(queues))
	for i := range queues {
		shown[i] = &queues[i]
	}
	busy := func(q *queueState) int {
		if len(queues) <= most {
			return 0
		}
		return bits.Len64(uint64(q.five.Enqueued + q.five.Done))
	}
	slices.SortStableFunc(shown, func(a, b *queueState) int {
		return cmp.Or(int(worst(wrong[b.Name], "")-worst(wrong[a.Name], "")), busy(b)-busy(a))
	})
	rows, _ = rowsOf(shown[:min(len(shown), most)], wrong, columns)
	return rows, max(0, len(shown)-most)
}

func byQueue(findings []finding) map[string][]finding {
	wrong := map[string][]finding{}
	for _, f := range findings {
		wrong[f.Queue] = append(wrong[f.Queue], f)
	}
	return wrong
}

// rowsOf are the rows of the first queues, with what is wrong with each, and how many there are more.
func rowsOf(shown []*queueState, wrong map[string][]finding, columns []column) (rows []row, more int) {
	if more = max(0, len(shown)-shownQueues); more > 0 {
		shown = shown[:shownQueues]
	}
	for _, q := range shown {
		rows = append(rows, newRow(q, wrong[q.Name], columns))
	}
	return rows, more
}

// newRow is the row of a queue with what is wrong with it.
func newRow(q *queueState, wrong []finding, columns []column) row {
	r := row{Name: q.Name, Level: worst(wrong, "")}
	for _, f := range wrong {
		r.Why = append(r.Why, f.Say) // the numbers are in the row
	}
	if q.err != nil {
		return r
	}
	r.Badges = badges(q)
	for _, c := range columns {
		out := cell{Label: c.Label, Text: c.text(q)}
		if c.rule != "" {
			out.Level = worst(wrong, c.rule)
		}
		r.Cells = append(r.Cells, out)
	}
	r.Spark = newSpark(q.hour.series)
	return r
}

func badges(q *queueState) []phrase {
	var out []phrase
	if q.Paused {
		out = append(out, say("paused"))
	}
	if q.Closed {
		out = append(out, say("intake closed"))
	}
	if q.MaxLen > 0 {
		out = append(out, say("limit %s", formatCount(q.MaxLen)))
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

// signalOf is the signal that some rules are about beside the one of their name.
var signalOf = map[string]string{"no_worker": "oldest_ready", "slow": "oldest_ready", "stalled": "oldest_ready"}

// worst is the level of the findings by a rule or about a signal; empty selects all.
func worst(findings []finding, rule string) level {
	out := healthy
	for _, f := range findings {
		if rule == "" || f.Rule == rule || signalOf[f.Rule] == rule {
			out = max(out, f.Level)
		}
	}
	return out
}
