package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	tea "charm.land/bubbletea/v2"

	"github.com/dueq-io/dueq/queue"
)

// topFrame is how many lines are not queues: verdict, sums, an empty one, heads and keys.
const topFrame = 5

// View is the screen.
func (m *topModel) View() tea.View {
	v := tea.NewView(strings.Join(m.screen(), "\n"))
	v.AltScreen = true
	v.WindowTitle = "dueq top"
	return v
}

// screen is at most as many lines as there are, none wider than the terminal.
func (m *topModel) screen() []string {
	lines := []string{m.verdictLine(), m.sumLine(), ""}
	if m.shown != nil {
		sorted := m.shown.sorted(m.order)
		first := min(m.scroll, max(0, len(sorted)-1))
		last := min(len(sorted), first+m.rows())
		lines = append(lines, m.paint.as(bold, cut(topHeads(m.width), m.width)))
		for i := range sorted[first:last] {
			lines = append(lines, m.queueLine(&sorted[first+i]))
		}
	}
	lines = lines[:min(len(lines), max(1, m.height-1))]
	for len(lines) < m.height-1 {
		lines = append(lines, "")
	}
	return append(lines, m.paint.as(dim, cut(m.keysLine(), m.width)))
}

var (
	verdictWords   = map[string]string{"healthy": "HEALTHY", "idle": "IDLE", "degraded": "DEGRADED", "down": "DOWN"}
	verdictColours = map[string]string{"healthy": green, "idle": green, "degraded": yellow, "down": red}
)

func (m *topModel) verdictLine() string {
	where := "dueq " + m.namespace + "  "
	switch {
	case m.err != nil && m.shown == nil:
		return cut(where, m.width) + m.paint.as(red, cut("AWAY  "+oneLine(m.err.Error())+"; trying again", m.width-len(where)))
	case m.err != nil:
		return cut(where, m.width) + m.paint.as(red, cut("STALE  "+oneLine(m.err.Error()), m.width-len(where)))
	case m.shown == nil:
		return where + "…"
	}
	v := &m.shown.Verdict
	text := v.Text
	if len(v.Findings) > 0 && v.Findings[0].Queue != "" {
		text = v.Findings[0].Queue + ": " + text
	}
	if more := len(v.Findings) - 1; more > 0 {
		text += fmt.Sprintf(" (and %d more)", more)
	}
	word := verdictWords[v.Level] + "  "
	return cut(where, m.width) + m.paint.as(verdictColours[v.Level], cut(word+visible(text, maxErrorText), m.width-len(where)))
}

func (m *topModel) sumLine() string {
	if m.shown == nil {
		return ""
	}
	var ready, leased, delayed, retrying, dead int64
	var in, out float64
	for i := range m.shown.Queues {
		q := &m.shown.Queues[i]
		ready += q.Ready
		leased += q.Leased
		delayed += q.Delayed
		retrying += q.Retrying
		dead += q.Dead
		in += max(0, q.in())
		out += max(0, q.out())
	}
	// What is most worth knowing comes first: the rest may be cut.
	age := short(time.Duration(m.shown.AgeMS)*time.Millisecond) + " old"
	switch {
	case m.held:
		age = "HELD (space goes on)"
	case m.shown.Stale || m.err != nil:
		age = "STALE, from " + m.shown.SampledAt.UTC().Format("15:04:05") + " UTC"
	}
	return cut(fmt.Sprintf("%s  %s ready %s leased %s delayed %s retrying %s dead  %s/s in %s/s out",
		age, amount(ready), amount(leased), amount(delayed), amount(retrying), amount(dead), perSecond(in), perSecond(out)), m.width)
}

// The widths of the columns after the name, and their heads.
var (
	topWidths = []int{6, 6, 5, 6, 6, 6, 5, 3}
	topNames  = []string{"READY", "OLDEST", "OVERD", "LATE99", "IN/S", "OUT/S", "ERR", "WRK"}
)

const (
	leastName, mostName = 12, 40
	leastSpark          = 8
	mostSpark           = 60
)

// nameWidth shares what the numbers leave between the name and the sparkline.
func nameWidth(width int) int {
	left := width - leastSpark - 2
	for _, w := range topWidths {
		left -= w + 1
	}
	return max(leastName, min(mostName, left))
}

func sparkWidth(width int) int {
	left := width - nameWidth(width) - 2
	for _, w := range topWidths {
		left -= w + 1
	}
	return max(0, min(mostSpark, left))
}

func topHeads(width int) string {
	return inColumns(pad("QUEUE", nameWidth(width)), topNames) + "  OUT"
}

// inColumns writes the cells after the name of a queue.
func inColumns(name string, cells []string) string {
	var b strings.Builder
	b.WriteString(name)
	for i, cell := range cells {
		b.WriteString(" " + right(cell, topWidths[i]))
	}
	return b.String()
}

func (m *topModel) queueLine(l *topLine) string {
	mark := map[int]string{0: " ", 1: "!", 2: "x"}[l.level]
	name := mark + visible(l.Name, maxErrorText)
	if l.Paused {
		name += " (paused)"
	}
	line := inColumns(pad(cut(name, nameWidth(m.width)), nameWidth(m.width)), topCells(&l.topRow))
	line += "  " + sparkline(m.flows[l.Name], sparkWidth(m.width))
	return m.paint.as(map[int]string{1: yellow, 2: red}[l.level], cut(line, m.width))
}

// topCells are the numbers of a queue; a dash stands for one that is not known.
func topCells(q *topRow) []string {
	if q.Error != "" {
		return []string{"-", "-", "-", "-", "-", "-", "-", "-"}
	}
	cells := []string{amount(q.Ready), "-", amount(q.Overdue), "-", "-", "-", "-", "-"}
	if q.oldest() >= 0 {
		cells[1] = short(q.oldest())
	}
	if q.late() >= 0 {
		cells[3] = short(q.late())
	}
	if q.Rates != nil {
		cells[4], cells[5] = perSecond(q.in()), perSecond(q.out())
	}
	if q.errors() >= 0 {
		cells[6] = strconv.FormatFloat(100*q.errors(), 'f', 1, 64) + "%"
	}
	if q.workers() >= 0 {
		cells[7] = strconv.Itoa(q.workers())
	}
	return cells
}

func (m *topModel) keysLine() string {
	hold := "hold"
	if m.held {
		hold = "go on"
	}
	const wide = 120
	var orders []string
	for _, order := range topOrders {
		orders = append(orders, order.key)
		if m.width >= wide {
			orders = append(orders, order.name)
		}
	}
	keys := "q quit  space " + hold + "  by " + m.order.name + "; order by " + strings.Join(orders, " ")
	if m.scrollable() > 0 {
		keys = fmt.Sprintf("%d-%d of %d  ", m.scroll+1, min(m.scroll+m.rows(), len(m.shown.Queues)), len(m.shown.Queues)) + keys
	}
	return keys
}

// print writes one plain table, with the columns under their full names.
func (o *overview) print(p *process) error {
	rows := [][]string{{"QUEUE", "READY", "OLDEST", "OVERDUE", "LATE P99", "IN/S", "OUT/S", "ERR", "WORKERS", "DELAYED", "RETRYING", "DEAD", "VERDICT"}}
	for _, l := range o.sorted(topOrders[0]) {
		row := append([]string{visible(l.Name, maxErrorText)}, topCells(&l.topRow)...)
		for _, state := range []queue.State{queue.Delayed, queue.Retrying, queue.Dead} {
			row = append(row, strconv.FormatInt(l.State(state), 10))
		}
		why := l.why
		if l.Error != "" {
			why = l.Error
		}
		rows = append(rows, append(row, orDash(visible(why, maxErrorText))))
	}
	if _, err := fmt.Fprintf(p.out, "%s  %s\n", verdictWords[o.Verdict.Level], visible(o.Verdict.Text, maxErrorText)); err != nil {
		return err
	}
	return table(p.out, rows)
}

// amount writes a count in at most six characters.
func amount(n int64) string {
	const thousand = 1000
	switch f := float64(n); {
	case n < 100*thousand:
		return strconv.FormatInt(n, 10)
	case n < thousand*thousand:
		return strconv.FormatInt(n/thousand, 10) + "k"
	case n < 1000*thousand*thousand:
		return strconv.FormatFloat(f/thousand/thousand, 'f', 1, 64) + "M"
	default:
		return strconv.FormatFloat(f/thousand/thousand/thousand, 'f', 1, 64) + "G"
	}
}

func perSecond(rate float64) string {
	if rate >= 100 {
		return amount(int64(math.Round(rate)))
	}
	return strconv.FormatFloat(rate, 'f', 1, 64)
}

// sparkline draws the latest values, each as high as its share of the highest.
func sparkline(values []float64, width int) string {
	bars := []rune("▁▂▃▄▅▆▇█")
	values = values[max(0, len(values)-width):]
	top := 0.0
	for _, v := range values {
		top = max(top, v)
	}
	var b strings.Builder
	for _, v := range values {
		bar := 0
		if top > 0 {
			bar = int(math.Round(v / top * float64(len(bars)-1)))
		}
		b.WriteRune(bars[bar])
	}
	return b.String()
}

// cut shortens a text to so many characters.
func cut(text string, width int) string {
	if width <= 0 {
		return ""
	}
	if utf8.RuneCountInString(text) <= width {
		return text
	}
	return string([]rune(text)[:width-1]) + "…"
}

func pad(text string, width int) string {
	return text + strings.Repeat(" ", max(0, width-utf8.RuneCountInString(text)))
}

func right(text string, width int) string {
	return strings.Repeat(" ", max(0, width-utf8.RuneCountInString(text))) + text
}
