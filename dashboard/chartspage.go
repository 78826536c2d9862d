package dashboard

import (
	"context"
	"encoding/csv"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/dueq-io/dueq/queue"
)

// chartsForm is what can be chosen on the Metrics page.
type chartsForm struct {
	Queues []string
	Queue  string
	Ranges []reachLink
	Range  string
	CSV    string
}

// chartsView is the live part of it: a table, of which the browser also draws charts.
type chartsView struct {
	Known, Stale bool
	Step         phrase
	Columns      []chartColumn
	Rows         []chartRow
}

type chartColumn struct {
	Name  string
	Label phrase
}

// chartRow is one step.
type chartRow struct {
	// At is its beginning in seconds since 1970, for the charts; Time the same for people.
	At     int64
	Time   string
	Values []chartValue
}

type chartValue struct {
	// Label is that of its column.
	Label phrase
	Text  string
	// Raw is the number that is drawn; empty: there is none.
	Raw string
}

// measure is a column of the table of the Metrics page.
type measure struct {
	label phrase
	// name is that of the column in the CSV and the key of the chart's line; rate says that it is jobs, shown by
	// the second.
	name string
	jobs func(c *queue.Counts) int64
	time func(c *queue.Counts) time.Duration
}

const (
	median      = 0.5
	ninetyNinth = 0.99
)

var measures = []measure{
	{label: say("In"), name: "enqueued", jobs: func(c *queue.Counts) int64 { return c.Enqueued }},
	{label: say("Promoted"), name: "promoted", jobs: func(c *queue.Counts) int64 { return c.Promoted }},
	{label: say("Started"), name: "started", jobs: func(c *queue.Counts) int64 { return c.Started }},
	{label: say("Out"), name: "done", jobs: func(c *queue.Counts) int64 { return c.Done }},
	{label: say("Failed"), name: "failed", jobs: func(c *queue.Counts) int64 { return c.Failed }},
	{label: say("Retried"), name: "retried", jobs: func(c *queue.Counts) int64 { return c.Retried }},
	{label: say("Dead"), name: "dead", jobs: func(c *queue.Counts) int64 { return c.Dead }},
	{label: say("Expired"), name: "expired", jobs: func(c *queue.Counts) int64 { return c.Expired }},
	{label: say("Reaped"), name: "reaped", jobs: func(c *queue.Counts) int64 { return c.Reaped }},
	{label: say("Late p50"), name: "late_p50", time: func(c *queue.Counts) time.Duration { return c.Lateness.Quantile(median) }},
	{label: say("Late p99"), name: "late_p99", time: func(c *queue.Counts) time.Duration { return c.Lateness.Quantile(ninetyNinth) }},
	{label: say("Promote lag p99"), name: "lag_p99", time: func(c *queue.Counts) time.Duration { return c.PromoteLag.Quantile(ninetyNinth) }},
	{label: say("Ready wait p99"), name: "wait_p99", time: func(c *queue.Counts) time.Duration { return c.Wait(ninetyNinth) }},
}

// chartsQueue is the queue that somebody chose, or else the first in sight.
func chartsQueue(v *view) string {
	if name := v.query.Get("queue"); name != "" || len(v.frame.queues) == 0 {
		return name
	}
	return v.frame.queues[0].Name
}

func chartsWishes(v *view) []wish {
	name := chartsQueue(v)
	if v.known(name) != nil {
		return nil
	}
	return []wish{{what: wishSeries, queue: name, span: rangeOf(v.query.Get("range")).name}}
}

func chartsData(_ context.Context, v *view) (any, error) {
	name, within := chartsQueue(v), rangeOf(v.query.Get("range"))
	form := chartsForm{Queue: name, Range: within.name, CSV: chartsLink("charts.csv", name, within.name)}
	for i := range v.frame.queues {
		form.Queues = append(form.Queues, v.frame.queues[i].Name)
	}
	for _, r := range timeRanges {
		form.Ranges = append(form.Ranges, reachLink{Label: r.label, Href: chartsLink("charts", name, r.name), Current: r.name == within.name})
	}
	if name == "" {
		return form, nil
	}
	return form, v.known(name)
}

func chartsLink(path, name, within string) string {
	return path + "?" + url.Values{"queue": {name}, "range": {within}}.Encode()
}

func newChartsView(v *view, cfg *Config) chartsView {
	within := rangeOf(v.query.Get("range"))
	s, known := v.frame.series[wish{wishSeries, chartsQueue(v), within.name}]
	out := chartsView{Known: known, Stale: v.frame.stale(v.now, cfg.IdleInterval), Step: say("in steps of %s, times in UTC", formatLimit(s.Step))}
	for _, m := range measures {
		out.Columns = append(out.Columns, chartColumn{m.name, m.label})
	}
	form := "15:04:05"
	if within.length > day {
		form = "01-02 15:04"
	}
	for i := range s.Buckets {
		b := &s.Buckets[i]
		row := chartRow{At: b.Start.Unix(), Time: b.Start.UTC().Format(form)}
		for _, m := range measures {
			row.Values = append(row.Values, m.value(&b.Counts, s.Step))
		}
		out.Rows = append(out.Rows, row)
	}
	return out
}

// value is a measure of one step, jobs by the second and times as they are.
func (m *measure) value(c *queue.Counts, step time.Duration) chartValue {
	if m.jobs != nil {
		perSecond := float64(m.jobs(c)) / step.Seconds()
		return chartValue{Label: m.label, Text: formatRate(perSecond), Raw: strconv.FormatFloat(perSecond, 'g', 5, 64)}
	}
	took := m.time(c)
	if took < 0 {
		return chartValue{Label: m.label, Text: none}
	}
	return chartValue{Label: m.label, Text: formatSpan(max(took, time.Millisecond)), Raw: strconv.FormatFloat(max(took, time.Millisecond).Seconds(), 'g', 5, 64)}
}

// serveCSV has the counts of each step, not rates of them, and seconds.
func (d *Dashboard) serveCSV(w http.ResponseWriter, r *http.Request) {
	s, err := d.seriesFor(r)
	if err != nil {
		d.serveProblem(w, r, err)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/csv; charset=utf-8")
	h.Set("Content-Disposition", `attachment; filename="dueq-`+s.Queue+`.csv"`)
	out := csv.NewWriter(w)
	head := []string{"start"}
	for _, m := range measures {
		head = append(head, m.name)
	}
	_ = out.Write(head)
	for i := range s.Buckets {
		b := &s.Buckets[i]
		line := []string{b.Start.UTC().Format(time.RFC3339)}
		for _, m := range measures {
			line = append(line, m.number(&b.Counts))
		}
		_ = out.Write(line)
	}
	out.Flush()
}

func (m *measure) number(c *queue.Counts) string {
	if m.jobs != nil {
		return strconv.FormatInt(m.jobs(c), 10)
	}
	if took := m.time(c); took >= 0 {
		return strconv.FormatFloat(took.Seconds(), 'f', 3, 64)
	}
	return ""
}

var errNoSeries = errors.New("series are not read yet")

// seriesFor is the series that a query asks for, out of the frame like those of a page.
func (d *Dashboard) seriesFor(r *http.Request) (queue.Series, error) {
	v := d.view(r, d.sight(r).frame(r.Context()), time.Now())
	name, within := v.query.Get("queue"), rangeOf(v.query.Get("range"))
	if err := v.known(name); err != nil {
		return queue.Series{}, err
	}
	w := wish{what: wishSeries, queue: name, span: within.name}
	s, known := d.collector.wish(r.Context(), []wish{w}).series[w]
	if !known {
		return queue.Series{}, errors.Join(queue.ErrUnavailable, errNoSeries)
	}
	s.Queue = name
	return s, nil
}
