package main

import (
	"cmp"
	"slices"
	"time"

	tea "charm.land/bubbletea/v2"
)

// topOrder is one order of the queues, by the key that chooses it.
type topOrder struct {
	key, name string
	compare   func(a, b *topLine) int
}

// topLine is a queue with what the verdict says of it.
type topLine struct {
	topRow
	level int
	why   string
}

// topOrders are all orders; equals stay by name.
var topOrders = []topOrder{
	{"w", "worst", func(a, b *topLine) int {
		return cmp.Or(b.level-a.level, cmp.Compare(b.oldest(), a.oldest()), cmp.Compare(b.Ready, a.Ready))
	}},
	{"n", "name", func(*topLine, *topLine) int { return 0 }},
	{"r", "ready", func(a, b *topLine) int { return cmp.Compare(b.Ready, a.Ready) }},
	{"o", "oldest", func(a, b *topLine) int { return cmp.Compare(b.oldest(), a.oldest()) }},
	{"d", "overdue", func(a, b *topLine) int { return cmp.Compare(b.Overdue, a.Overdue) }},
	{"l", "late", func(a, b *topLine) int { return cmp.Compare(b.late(), a.late()) }},
	{"i", "in", func(a, b *topLine) int { return cmp.Compare(b.in(), a.in()) }},
	{"u", "out", func(a, b *topLine) int { return cmp.Compare(b.out(), a.out()) }},
	{"e", "errors", func(a, b *topLine) int { return cmp.Compare(b.errors(), a.errors()) }},
	{"k", "workers", func(a, b *topLine) int { return cmp.Compare(b.workers(), a.workers()) }},
}

// unknown is a number that is not known; it sorts below all that are.
const unknown = -1

func (r *topRow) oldest() time.Duration {
	if r.Ready == 0 {
		return unknown
	}
	return r.OldestReady
}

func (r *topRow) late() time.Duration {
	if r.Lately == nil || r.Lately.Started == 0 {
		return unknown
	}
	return r.Lately.LateP99
}

func (r *topRow) in() float64 {
	if r.Rates == nil {
		return unknown
	}
	return r.Rates.In
}

func (r *topRow) out() float64 {
	if r.Rates == nil {
		return unknown
	}
	return r.Rates.Out
}

func (r *topRow) errors() float64 {
	if r.Lately == nil || r.Lately.Ended == 0 {
		return unknown
	}
	return r.Lately.ErrorShare
}

func (r *topRow) workers() int {
	if r.Crew == nil {
		return unknown
	}
	return r.Crew.Taking
}

var levels = map[string]int{"healthy": 0, "idle": 0, "degraded": 1, "down": 2}

// lines joins the queues with the findings on them.
func (o *overview) lines() []topLine {
	out := make([]topLine, len(o.Queues))
	for i := range o.Queues {
		out[i].topRow = o.Queues[i]
		for _, f := range o.Verdict.Findings {
			if f.Queue == out[i].Name && levels[f.Level] > out[i].level {
				out[i].level, out[i].why = levels[f.Level], f.Text
			}
		}
	}
	return out
}

func (o *overview) sorted(order topOrder) []topLine {
	lines := o.lines()
	slices.SortStableFunc(lines, func(a, b topLine) int { return cmp.Or(order.compare(&a, &b), cmp.Compare(a.Name, b.Name)) })
	return lines
}

// topModel is the screen of dueq top.
type topModel struct {
	namespace string
	paint     paint
	read      func() (*overview, error)

	width, height int
	order         topOrder
	held          bool
	scroll        int

	// shown is the latest overview, err why there is no newer one.
	shown *overview
	err   error
	// flows are what went out of each queue a second, the latest last.
	flows map[string][]float64
}

func newTopModel(namespace string, p paint, read func() (*overview, error)) *topModel {
	const width, height = 80, 24 // until the terminal says
	return &topModel{
		namespace: namespace, paint: p, read: read, width: width, height: height, order: topOrders[0], flows: map[string][]float64{},
	}
}

// tick is the time to read, reading what was read.
type (
	tick    struct{}
	reading struct {
		overview *overview
		err      error
	}
)

func (m *topModel) ask() tea.Msg {
	o, err := m.read()
	return reading{o, err}
}

// Init begins to read.
func (m *topModel) Init() tea.Cmd { return m.ask }

// Update follows a key, the size of the terminal, or what was read.
func (m *topModel) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.width, m.height = msg.Width, msg.Height
	case tick:
		return m, m.ask
	case reading:
		m.take(msg)
		return m, tea.Tick(topEvery, func(time.Time) tea.Msg { return tick{} })
	case tea.KeyPressMsg:
		cmd := m.press(msg.String())
		return m, cmd
	}
	m.scroll = max(0, min(m.scroll, m.scrollable()))
	return m, nil
}

func (m *topModel) press(key string) tea.Cmd {
	page := max(1, m.rows()-1)
	switch key {
	case "q", "ctrl+c", "esc":
		return tea.Quit
	case "space", "p":
		m.held = !m.held
	case "up":
		m.scroll--
	case "down":
		m.scroll++
	case "pgup":
		m.scroll -= page
	case "pgdown":
		m.scroll += page
	case "home":
		m.scroll = 0
	case "end":
		m.scroll = m.scrollable()
	default:
		for _, order := range topOrders {
			if order.key == key {
				m.order, m.scroll = order, 0
			}
		}
	}
	m.scroll = max(0, min(m.scroll, m.scrollable()))
	return nil
}

// flowsKept is how many readings a sparkline can show.
const flowsKept = 120

func (m *topModel) take(r reading) {
	if m.held {
		return
	}
	m.err = r.err
	if r.err != nil {
		return
	}
	m.shown = r.overview
	kept := make(map[string][]float64, len(r.overview.Queues))
	for i := range r.overview.Queues {
		q := &r.overview.Queues[i]
		flow := slices.Concat(m.flows[q.Name], []float64{max(0, q.out())})
		kept[q.Name] = flow[max(0, len(flow)-flowsKept):]
	}
	m.flows = kept
}

// rows is how many queues there is room for, and scrollable how far one can go down.
func (m *topModel) rows() int { return max(1, m.height-topFrame) }

func (m *topModel) scrollable() int {
	if m.shown == nil {
		return 0
	}
	return max(0, len(m.shown.Queues)-m.rows())
}
