package dashboard

import (
	"cmp"
	"net/url"
	"slices"
	"strings"
)

// queuesLive is what the live part of the page of all queues shows.
type queuesLive struct {
	Columns []queuesColumn
	Rows    []row
	More    int
	Stale   bool
	Sampled phrase
	// Name is the part of names that was asked for, Sort the column and Desc its direction.
	Name, Sort string
	Desc       bool
	Namespace  string
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

// sortByName and sortByWorst are the orders beside those of the columns.
const sortByName, sortByWorst = "name", ""

func newQueues(v *view, cfg *Config, namespace string) any {
	findings := judge(v.frame, v.now, cfg).Findings
	l := queuesLive{
		Name: strings.ToLower(field(v.query, "name")), Sort: v.query.Get("sort"), Desc: v.query.Get("dir") != "asc", Namespace: namespace,
		Stale: v.frame.stale(v.now, cfg.IdleInterval), Sampled: sampled(v.frame, v.now), All: formatCount(int64(len(v.frame.queues))),
	}
	if l.Sort == sortByName && v.query.Get("dir") == "" {
		l.Desc = false
	}
	var shown []queueState
	for i := range v.frame.queues {
		if strings.Contains(strings.ToLower(v.frame.queues[i].Name), l.Name) {
			shown = append(shown, v.frame.queues[i])
		}
	}
	l.Shown = formatCount(int64(len(shown)))
	l.Rows, l.More = l.sorted(shown, findings)
	l.Columns = l.columns()
	return l
}

// sorted are the rows in the order that was asked for; the worst first where none was.
func (l *queuesLive) sorted(queues []queueState, findings []finding) ([]row, int) {
	by := slices.IndexFunc(columns, func(c column) bool { return c.key == l.Sort && c.value != nil })
	switch {
	case l.Sort == sortByName:
		slices.SortStableFunc(queues, func(a, b queueState) int { return l.direct(cmp.Compare(a.Name, b.Name)) })
	case by >= 0:
		value := columns[by].value
		slices.SortStableFunc(queues, func(a, b queueState) int { return l.direct(cmp.Compare(value(&a), value(&b))) })
	default:
		l.Sort = sortByWorst
		return newRows(queues, findings)
	}
	return inOrder(queues, findings)
}

func (l *queuesLive) direct(order int) int {
	if l.Desc {
		return -order
	}
	return order
}

func (l *queuesLive) columns() []queuesColumn {
	out := []queuesColumn{{column: column{Label: say("Queue"), Means: say("By name"), key: sortByName}}}
	for _, c := range columns {
		out = append(out, queuesColumn{column: c})
	}
	for i := range out {
		c := &out[i]
		dir := "desc"
		if c.key == sortByName {
			dir = "asc"
		}
		if c.key == l.Sort {
			c.Sorted = map[bool]string{true: "descending", false: "ascending"}[l.Desc]
			dir = map[bool]string{true: "asc", false: "desc"}[l.Desc]
		}
		query := url.Values{"sort": {c.key}, "dir": {dir}}
		if l.Name != "" {
			query.Set("name", l.Name)
		}
		c.Link = "queues?" + query.Encode()
	}
	return out
}
