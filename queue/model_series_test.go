package queue

import (
	"context"
	"fmt"
	"time"

	"pgregory.net/rapid"
)

// partOf is the part of a histogram for a time of so many ms.
func partOf(ms int64) int {
	for i := range HistogramSize {
		if _, high := HistogramBounds(i); high < 0 || time.Duration(max(ms, 0))*time.Millisecond < high {
			return i
		}
	}
	panic("the last part has no end")
}

// history is what happened in each slot of 10 s.
type history map[int64]*Counts

// at is the counts of the slot of a moment in ms.
func (h history) at(now int64) *Counts {
	slot := now / FineStep.Milliseconds()
	if h[slot] == nil {
		h[slot] = &Counts{}
	}
	return h[slot]
}

// verb counts a verb.
func (c *Counts) verb(verb string, n int64) {
	switch verb {
	case "retry":
		c.Retried += n
		c.Failed += n
	case "drop":
		c.Dropped += n
		c.Expired += n
	case "purge_dead", "purge_done":
		c.Purged += n
	default:
		*map[string]*int64{
			"enqueue": &c.Enqueued, "promote": &c.Promoted, "lease": &c.Started, "extend": &c.Extended, "ack": &c.Done,
			"snooze": &c.Snoozed, "release": &c.Released, "bury": &c.Dead, "reap": &c.Reaped, "cancel": &c.Cancelled,
			"reschedule": &c.Rescheduled, "requeue": &c.Requeued,
		}[verb] += n
	}
}

// readSeries reads all that is kept of a queue by time.
func (r *rig) readSeries(t *rapid.T, queue string) []counted {
	pipe := r.rdb.Pipeline()
	reading := askSeries(context.Background(), pipe, r.lineOf(queue).shard, r.now.Add(-SeriesAge), r.now.Add(FineStep))
	if err := exec(context.Background(), pipe); err != nil {
		t.Fatal(err)
	}
	return reading.entries()
}

// faults says where what is kept by time is not what happened: no count may be lost or doubled, and none may
// be further from its time than is promised for its age. In the periods of each length that have no entry of a
// longer one the sums have to be the same.
func (h history) faults(entries []counted, now time.Time) (found []string) {
	for _, r := range rings {
		kept, want, coarse := map[int64]*Counts{}, map[int64]*Counts{}, map[int64]bool{}
		unit := r.unit.Milliseconds()
		of := func(periods map[int64]*Counts, ms int64) *Counts {
			if periods[ms/unit] == nil {
				periods[ms/unit] = &Counts{}
			}
			return periods[ms/unit]
		}
		for _, e := range entries {
			for ms := e.at.UnixMilli(); e.width > r.unit && ms < e.at.Add(e.width).UnixMilli(); ms += unit {
				coarse[ms/unit] = true
			}
			of(kept, e.at.UnixMilli()).add(e.columns)
			if age := now.Sub(e.at.Add(e.width)); e.width == r.unit && age < map[string]time.Duration{"f": age, "m": FineAge, "h": MinuteAge}[r.name] {
				found = append(found, fmt.Sprintf("an entry of %v has ended only %v ago", e.width, age))
			}
		}
		for slot, c := range h {
			of(want, slot*FineStep.Milliseconds()).Add(c)
			of(kept, slot*FineStep.Milliseconds())
		}
		for period, c := range kept {
			if now.Sub(time.UnixMilli(period*unit)) > SeriesAge {
				continue
			}
			if !coarse[period] && *c != *of(want, period*unit) {
				found = append(found, fmt.Sprintf("in the %v from %v:\n\t%+v\nwant\t%+v", r.unit, time.UnixMilli(period*unit), *c, *of(want, period*unit)))
			}
		}
	}
	return found
}
