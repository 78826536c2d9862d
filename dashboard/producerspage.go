package dashboard

import (
	"cmp"
	"slices"
	"time"

	"github.com/dueq-io/dueq/queue"
)

// producersView is what the Producers page shows: who hands jobs in, the busiest first.
type producersView struct {
	Known, Stale bool
	Rows         []producerRow
	More         int
}

type producerRow struct {
	Name, Host, Version string
	PID                 int
	Silent              bool
	Up, Last            *moment
	Rate                string
	Enqueued, Rejected  int64
	Queues              []producedRow

	rate float64
}

type producedRow struct {
	Name               string
	Enqueued, Rejected int64
	Last               *moment
}

func newProducersView(v *view, cfg *Config) producersView {
	m := &v.frame.members
	out := producersView{Known: m.fleetKnown, Stale: v.frame.stale(v.now, cfg.IdleInterval)}
	for i := range m.fleet.Producers {
		out.Rows = append(out.Rows, newProducerRow(&m.fleet.Producers[i], m))
	}
	slices.SortStableFunc(out.Rows, func(a, b producerRow) int {
		return cmp.Or(cmp.Compare(b.rate, a.rate), cmp.Compare(b.Enqueued, a.Enqueued))
	})
	if out.More = len(out.Rows) - shownWorkers; out.More > 0 {
		out.Rows = out.Rows[:shownWorkers]
	}
	return out
}

func newProducerRow(p *queue.ProducerInfo, m *members) producerRow {
	row := producerRow{
		Name: p.Name, Host: p.Host, Version: p.Version, PID: p.PID, Silent: m.silent(&p.Process), Up: newMoment(p.Started, m.now),
		Rate: none, Enqueued: p.Enqueued, Rejected: p.Rejected,
	}
	if perSecond, ok := m.rates[p.ID]; ok {
		row.rate, row.Rate = perSecond, formatRate(perSecond)
	}
	var last time.Time
	for _, q := range p.Queues {
		row.Queues = append(row.Queues, producedRow{q.Queue, q.Enqueued, q.Rejected, newMoment(q.Last, m.now)})
		if q.Last.After(last) {
			last = q.Last
		}
	}
	slices.SortStableFunc(row.Queues, func(a, b producedRow) int { return cmp.Compare(b.Enqueued, a.Enqueued) })
	row.Last = newMoment(last, m.now)
	return row
}
