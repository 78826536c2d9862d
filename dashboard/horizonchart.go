package dashboard

import (
	"math"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/dueq-io/dueq/queue"
)

const (
	// The chart is drawn in these units and stretched to where it stands; its first chartEdge units are what is
	// overdue.
	chartWidth  = 1000
	chartHeight = 100
	chartEdge   = 40
	// chartHead is how far above the highest bar the chart goes on, so that a line of capacity just above the
	// bars is seen.
	chartHead = 1.15
	// chartLeast is the height of a bar of one job among thousands.
	chartLeast = 1.5
	// chartFill is how much of its slot a bar takes.
	chartFill = 0.8
)

// horizonChart is what the template "horizon" draws and writes. Its numbers are units of the chart.
type horizonChart struct {
	Reaches []reachLink
	// Overdue is the bar at the left edge.
	Overdue chartBar
	Bars    []chartBar
	// Capacity is the height of the line of capacity; 0: it is not drawn.
	Capacity float64
	Axis     []phrase
	// Summary says what is due, Outlook what backlog that foretells, Scale what the chart's height stands for.
	Summary, Outlook, Scale phrase
	// Backlog says that Outlook is of a backlog, Stale that all of it is not current any more.
	Backlog, Stale bool
	// Rows are the same as a table, with what is due after the last bar.
	Rows []horizonRow
}

type reachLink struct {
	Label   phrase
	Href    string
	Current bool
}

// chartBar is a bar of two parts, one on the other.
type chartBar struct {
	// X and W are where it is drawn, of the Slot that it has.
	X, W, Slot        float64
	Delayed, Retrying chartPart
	// Wait says that jobs can be expected to wait at its end, Over that its jobs are overdue.
	Wait, Over bool
}

// Parts are those with jobs.
func (b chartBar) Parts() []chartPart {
	return slices.DeleteFunc([]chartPart{b.Delayed, b.Retrying}, func(p chartPart) bool { return p.Jobs == 0 })
}

type chartPart struct {
	Class, Href string
	Y, H        float64
	Jobs        int64
	Title       phrase
}

type horizonRow struct {
	When              phrase
	Delayed, Retrying chartPart
	Backlog           string
}

func (h *horizon) chart() horizonChart {
	out := horizonChart{Axis: h.axis()}
	for _, r := range reaches {
		out.Reaches = append(out.Reaches, reachLink{Label: r.label, Href: scheduleLink(h.queue, r.name), Current: r.name == h.name})
	}
	highest := total(h.Overdue)
	for i := range h.Bars {
		highest = max(highest, total(h.Bars[i].WaitingJobs))
	}
	top := max(1, float64(highest)) * chartHead
	if h.capacity > 0 && h.capacity < top {
		out.Capacity = units(chartHeight * (1 - h.capacity/top))
	}
	slot := float64(chartWidth-chartEdge) / float64(max(1, len(h.Bars)))
	out.Overdue = h.bar(h.Overdue, time.Time{}, h.Now, top)
	out.Overdue.W, out.Overdue.Over = chartEdge/2, true
	for i := range h.Bars {
		b := h.bar(h.Bars[i].WaitingJobs, h.Bars[i].From, h.Bars[i].To, top)
		b.X, b.W, b.Slot = units(chartEdge+float64(i)*slot), units(slot*chartFill), units(slot)
		b.Wait = h.backlog[i] >= 1
		out.Bars = append(out.Bars, b)
	}
	out.Summary, out.Outlook, out.Scale = h.summary(), h.outlook(), say("the highest: %s", formatCount(highest))
	jobs, _, _ := h.peak()
	out.Backlog = jobs >= 1
	out.Rows = h.rows(&out)
	return out
}

// bar draws what is due from one moment to another; a zero from is the beginning of time, a zero to its end.
func (h *horizon) bar(jobs queue.WaitingJobs, from, to time.Time, top float64) chartBar {
	var b chartBar
	base := float64(chartHeight)
	for _, part := range []struct {
		state queue.State
		n     int64
		out   *chartPart
	}{{queue.Delayed, jobs.Delayed, &b.Delayed}, {queue.Retrying, jobs.Retrying, &b.Retrying}} {
		if part.n == 0 {
			continue
		}
		height := max(chartLeast, float64(part.n)/top*chartHeight)
		base -= height
		*part.out = chartPart{
			Class: string(part.state), Y: units(max(0, base)), H: units(height), Jobs: part.n, Href: dueLink(h.queue, part.state, from, to),
			Title: say("%s: %s delayed, %s retrying", h.when(from, to), formatCount(jobs.Delayed), formatCount(jobs.Retrying)),
		}
	}
	return b
}

// units rounds to a tenth, which is less than a pixel.
func units(x float64) float64 { return math.Round(x*10) / 10 }

// scheduleLink is the Schedule page of a queue, or of all.
func scheduleLink(name, reach string) string {
	values := url.Values{"reach": {reach}}
	if name != "" {
		values.Set("queue", name)
	}
	return "schedule?" + values.Encode()
}

// dueLink is the list of the jobs of a state that are due from one moment to another.
func dueLink(name string, state queue.State, from, to time.Time) string {
	values := url.Values{"state": {string(state)}}
	if name != "" {
		values.Set("queue", name)
	}
	if !from.IsZero() {
		values.Set("from", strconv.FormatInt(from.UnixMilli(), 10))
	}
	if !to.IsZero() {
		values.Set("to", strconv.FormatInt(to.UnixMilli(), 10))
	}
	return "jobs?" + values.Encode()
}

// clock writes a moment as precisely as the bars are wide.
func (h *horizon) clock(t time.Time) string {
	if h.step >= time.Hour {
		return t.UTC().Format("01-02 15:04")
	}
	return t.UTC().Format("15:04")
}
