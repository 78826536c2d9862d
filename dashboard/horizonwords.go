package dashboard

import (
	"time"
)

// when writes what a bar covers; a zero from is all that was due before to, a zero to all that will be after.
func (h *horizon) when(from, to time.Time) phrase {
	if from.IsZero() {
		return say("overdue")
	}
	if to.IsZero() {
		return say("later")
	}
	return say("due %s to %s UTC", h.clock(from), h.clock(to))
}

// summary says what is due in the reach of the chart.
func (h *horizon) summary() phrase {
	due := h.due()
	return say("%s due and %s to retry %s; %s later, %s overdue",
		formatCount(due.Delayed), formatCount(due.Retrying), h.within, formatCount(total(h.Later)), formatCount(total(h.Overdue)))
}

// outlook says what backlog that foretells, and by which capacity.
func (h *horizon) outlook() phrase {
	due := h.due()
	if h.capacity == 0 {
		if total(due)+total(h.Overdue) == 0 {
			return say("nothing is coming up")
		}
		return say("no job ran in the last hour, so that no backlog can be foretold")
	}
	capacity := say("capacity at least %s %s, by the busiest minute of the last hour", formatCount(int64(h.capacity)), h.unit)
	if h.blind > 0 {
		capacity = say("%s; queues without any capacity yet: %d", capacity, h.blind)
	}
	jobs, at, over := h.peak()
	if jobs < 1 {
		return say("no backlog expected: %s", capacity)
	}
	most := formatCount(int64(jobs))
	if over >= len(h.Bars) {
		return say("backlog expected of up to %s at %s UTC, not clear before %s: %s",
			most, h.clock(h.Bars[at].To), h.clock(h.Bars[len(h.Bars)-1].To), capacity)
	}
	return say("backlog expected of up to %s at %s UTC, clear by %s: %s",
		most, h.clock(h.Bars[at].To), h.clock(h.Bars[over].To), capacity)
}

// axis are the words below the bars, evenly apart from the first to behind the last.
func (h *horizon) axis() []phrase {
	const hourMarks, dayMarks, weekMarks = 6, 6, 7
	reach := time.Duration(h.bars) * h.step
	marks := map[string]int{"1h": hourMarks, "24h": dayMarks, "7d": weekMarks}[h.name]
	out := []phrase{say("now")}
	for i := 1; i <= marks; i++ {
		out = append(out, say("+%s", formatLimit(reach*time.Duration(i)/time.Duration(marks))))
	}
	return out
}

// rows are the bars that have jobs, as a table.
func (h *horizon) rows(c *horizonChart) []horizonRow {
	var out []horizonRow
	add := func(b *chartBar, when phrase, backlog string) {
		if b.Delayed.Jobs+b.Retrying.Jobs > 0 || b.Wait {
			out = append(out, horizonRow{When: when, Delayed: b.Delayed, Retrying: b.Retrying, Backlog: backlog})
		}
	}
	add(&c.Overdue, say("overdue"), none)
	for i := range c.Bars {
		backlog := none
		if c.Bars[i].Wait {
			backlog = formatCount(int64(h.backlog[i]))
		}
		add(&c.Bars[i], h.when(h.Bars[i].From, h.Bars[i].To), backlog)
	}
	if n := len(h.Bars); n > 0 {
		later := h.bar(h.Later, h.Bars[n-1].To, time.Time{}, float64(max(1, total(h.Later))))
		add(&later, say("later"), none)
	}
	return out
}
