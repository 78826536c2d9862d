package dashboard

import (
	"cmp"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/dueq-io/dueq/queue"
)

// queuesLive is what the live part of the page of all queues shows.
type queuesLive struct {
	Columns []queuesColumn
	Rows    []row
	More    int
	Stale   bool
	Sampled phrase
	// Name is the part of names that was asked for, Sort and Dir the order.
	Name, Sort, Dir string
	Namespace       string
	// All is how many queues there are, Shown how many of them the name selects.
	All, Shown string
}

// queuesColumn is a column with the address that sorts by it.
type queuesColumn struct {
	column
	Link string
	// Sorted is ascending, descending or empty, as aria-sort has it.
	Sorted string
}

// sortByName is the order by name, beside those of the columns. The order without a name has the worst
// queues first.
const sortByName = "name"

// queuesColumns are all numbers of a queue.
var queuesColumns = []column{
	sorted(depth(queue.Ready, say("Ready"), say("Jobs that wait for a worker")), "ready", stateValue(queue.Ready)),
	sorted(overviewColumns[1], "oldest", func(q *queueState) float64 { return spanValue(q.Ready > 0, q.OldestReady) }),
	sorted(overviewColumns[2], "overdue", func(q *queueState) float64 { return float64(q.Overdue) }),
	sorted(overviewColumns[3], "late", func(q *queueState) float64 { l := lateOf(&q.five); return spanValue(l.n > 0, l.p99) }),
	sorted(overviewColumns[4], "running", stateValue(queue.Leased)),
	sorted(depth(queue.Delayed, say("Delayed"), say("Jobs whose time has not come")), "delayed", stateValue(queue.Delayed)),
	sorted(column{Label: say("Next due"), Means: say("Time until the next delayed or retrying job is due"), text: nextDue}, "next",
		func(q *queueState) float64 { return spanValue(q.NextDue >= 0, q.NextDue) }),
	sorted(depth(queue.Retrying, say("Retrying"), say("Jobs that failed and wait to run again")), "retrying", stateValue(queue.Retrying)),
	sorted(overviewColumns[9], "dead", stateValue(queue.Dead)),
	sorted(depth(queue.Done, say("Done"), say("Finished jobs that are kept")), "done", stateValue(queue.Done)),
	sorted(overviewColumns[5], "in", func(q *queueState) float64 { return q.rate.In }),
	sorted(overviewColumns[6], "out", func(q *queueState) float64 { return q.rate.Out }),
	sorted(overviewColumns[7], "errors", func(q *queueState) float64 { share, _ := q.five.ErrorShare(); return share }),
	sorted(overviewColumns[10], "workers", func(q *queueState) float64 { return float64(q.crew.leasing) }),
}

func sorted(c column, key string, value func(*queueState) float64) column {
	c.key, c.value = key, value
	return c
}

func stateValue(s queue.State) func(*queueState) float64 {
	return func(q *queueState) float64 { return float64(q.State(s)) }
}

// spanValue puts what is not there below all that is.
func spanValue(there bool, d time.Duration) float64 {
	if !there {
		return -1
	}
	return d.Seconds()
}

func newQueues(v *view, cfg *Config, namespace string) any {
	l := queuesLive{
		Name: strings.ToLower(field(v.query, "name")), Sort: v.query.Get("sort"), Dir: "desc", Namespace: namespace,
		Stale: v.frame.stale(v.now, cfg.IdleInterval), Sampled: sampled(v.frame, v.now), All: formatCount(int64(len(v.frame.queues))),
	}
	if dir := v.query.Get("dir"); dir == "asc" || (dir == "" && l.Sort == sortByName) {
		l.Dir = "asc"
	}
	var shown []*queueState
	for i := range v.frame.queues {
		if strings.Contains(strings.ToLower(v.frame.queues[i].Name), l.Name) {
			shown = append(shown, &v.frame.queues[i])
		}
	}
	l.Shown = formatCount(int64(len(shown)))
	wrong := byQueue(v.frame.verdict(v.now, cfg).Findings)
	l.order(shown, wrong)
	l.Rows, l.More = rowsOf(shown, wrong, queuesColumns)
	l.Columns = l.headings()
	return l
}

// order sorts the queues as was asked for, and the worst first where nothing was.
func (l *queuesLive) order(queues []*queueState, wrong map[string][]finding) {
	compare := func(a, b *queueState) int { return cmp.Compare(a.Name, b.Name) }
	if l.Sort != sortByName {
		by := slices.IndexFunc(queuesColumns, func(c column) bool { return c.key == l.Sort })
		value := func(q *queueState) float64 { return float64(worst(wrong[q.Name], "")) }
		if by >= 0 {
			value = queuesColumns[by].value
		} else {
			l.Sort, l.Dir = "", "desc"
		}
		compare = func(a, b *queueState) int { return cmp.Compare(value(a), value(b)) }
	}
	slices.SortStableFunc(queues, func(a, b *queueState) int {
		if l.Dir == "desc" {
			return compare(b, a)
		}
		return compare(a, b)
	})
}

// headings are the columns, each with the address of the page in its order, or in the opposite one where
// that is the order already.
func (l *queuesLive) headings() []queuesColumn {
	out := []queuesColumn{{column: column{Label: say("Queue"), Means: say("By name"), key: sortByName}}}
	for _, c := range queuesColumns {
		out = append(out, queuesColumn{column: c})
	}
	for i := range out {
		c := &out[i]
		dir := "desc"
		if c.key == sortByName {
			dir = "asc"
		}
		if c.key == l.Sort {
			c.Sorted = map[string]string{"asc": "ascending", "desc": "descending"}[l.Dir]
			dir = map[string]string{"asc": "desc", "desc": "asc"}[l.Dir]
		}
		query := url.Values{"sort": {c.key}, "dir": {dir}}
		if l.Name != "" {
			query.Set("name", l.Name)
		}
		c.Link = "queues?" + query.Encode()
	}
	return out
}
