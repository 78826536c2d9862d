package queue

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// seriesVerbs are the verbs by their columns in a series, A and so on; with/rings.lua has the same list.
var seriesVerbs = []string{
	"enqueue", "promote", "lease", "extend", "ack", "retry", "snooze", "release", "bury", "drop", "reap",
	"reschedule", "cancel", "requeue", "audit", "purge_dead", "purge_done",
}

// partLetters name the parts of a histogram.
const partLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

// ownColumns are the columns that are not of stats: failures and expiries of bury (R, S), and the parts of
// lateness (l) and promote lag (p).
var ownColumns = func() []string {
	columns := []string{"R", "S"}
	for i := range HistogramSize {
		columns = append(columns, "l"+partLetters[i:i+1], "p"+partLetters[i:i+1])
	}
	return columns
}()

// ring is the places of a series for one resolution. An entry is one unit of time, a place holds the entries
// of a group of them.
type ring struct {
	name string
	unit time.Duration
	// per is how many units make a group, size how many groups the ring holds.
	per, size int64
}

var rings = []ring{
	{"f", 10 * time.Second, 6, 61},
	{"m", time.Minute, 60, 48},
	{"h", time.Hour, 24, 90},
}

// place is a field of a series that holds a group of a ring.
type place struct {
	ring  *ring
	field string
}

// placesOf are the places in which counts of a range can be.
func placesOf(from, to time.Time) []place {
	var out []place
	for i := range rings {
		r := &rings[i]
		length := r.unit.Milliseconds() * r.per
		first, last := from.UnixMilli()/length, (to.UnixMilli()-1)/length
		for group := max(first, last-r.size+1); group <= last; group++ {
			out = append(out, place{r, r.name + strconv.FormatInt(group%r.size, 10)})
		}
	}
	return out
}

// entries reads what a place holds: its group, a colon, and entries that end with a semicolon, each the
// number of a unit in the group and columns.
func (p place) entries(value string) []counted {
	var out []counted
	head, rest, _ := strings.Cut(value, ":")
	group, err := strconv.ParseInt(head, 10, 64)
	if err != nil {
		return nil
	}
	for entry := range strings.SplitSeq(strings.TrimSuffix(rest, ";"), ";") {
		digits := len(entry) - len(strings.TrimLeft(entry, "0123456789"))
		offset, err := strconv.ParseInt(entry[:digits], 10, 64)
		if err == nil {
			at := time.UnixMilli((group*p.ring.per + offset) * p.ring.unit.Milliseconds())
			out = append(out, counted{at, p.ring.unit, parseColumns(entry[digits:])})
		}
	}
	return out
}

// parseColumns reads columns: letters and a number for each.
func parseColumns(text string) map[string]int64 {
	out := map[string]int64{}
	for text != "" {
		letters := strings.IndexFunc(text, isDigit)
		if letters < 0 {
			break
		}
		column := text[:letters]
		text = text[letters:]
		digits := len(text) - len(strings.TrimLeft(text, "0123456789"))
		n, _ := strconv.ParseInt(text[:digits], 10, 64) // what is too long for a number is none
		out[column] += n
		text = text[digits:]
	}
	return out
}

func isDigit(c rune) bool { return c >= '0' && c <= '9' }

// counted is the counts of one unit of time, by column.
type counted struct {
	at      time.Time
	width   time.Duration
	columns map[string]int64
}

// seriesReading is the commands that read a series.
type seriesReading struct {
	places        []place
	series, stats *redis.SliceCmd
}

// seriesHead is how many fields of a series are read before its places.
var seriesHead = append([]string{"open", "base"}, ownColumns...)

// askSeries reads what happened in a range. The series comes before the stats, which only rise: of two steps
// in the other order the second might say that more had been counted before than the first has read.
func askSeries(ctx context.Context, pipe redis.Pipeliner, s *shard, from, to time.Time) *seriesReading {
	r := &seriesReading{places: placesOf(from, to)}
	fields := slices.Clone(seriesHead)
	for _, p := range r.places {
		fields = append(fields, p.field)
	}
	r.series = pipe.HMGet(ctx, s.keys["series"], fields...)
	r.stats = pipe.HMGet(ctx, s.keys["stats"], seriesVerbs...)
	return r
}

// entries are all that were read, in no order; some may be out of the range.
func (r *seriesReading) entries() []counted {
	fields := r.series.Val()
	if len(fields) != len(seriesHead)+len(r.places) {
		return nil
	}
	var out []counted
	for i, p := range r.places {
		out = append(out, p.entries(text(fields[len(seriesHead)+i]))...)
	}
	if open, err := strconv.ParseInt(text(fields[0]), 10, 64); err == nil {
		at := time.UnixMilli(open * FineStep.Milliseconds())
		out = append(out, counted{at, FineStep, r.running(parseColumns(text(fields[1])), fields[2:])})
	}
	return out
}

// running is what was counted since the open slot began, when the counts were base.
func (r *seriesReading) running(base map[string]int64, own []any) map[string]int64 {
	out := map[string]int64{}
	note := func(column string, value any) {
		n, _ := strconv.ParseInt(text(value), 10, 64)
		if n >= base[column] { // otherwise it began anew
			n -= base[column]
		}
		if n > 0 {
			out[column] = n
		}
	}
	for i, value := range r.stats.Val() {
		note(string(rune('A'+i)), value)
	}
	for i, column := range ownColumns {
		note(column, own[i])
	}
	return out
}

// totals are all that was counted since the queue began.
func (r *seriesReading) totals() map[string]int64 {
	fields := r.series.Val()
	if len(fields) != len(seriesHead)+len(r.places) {
		return nil
	}
	return r.running(nil, fields[2:len(seriesHead)])
}

// numbers are the counts beside the histograms: first those of the columns A to P, then Failed and Expired.
func (c *Counts) numbers() []*int64 {
	return []*int64{
		&c.Enqueued, &c.Promoted, &c.Started, &c.Extended, &c.Done, &c.Retried, &c.Snoozed, &c.Released, &c.Dead,
		&c.Dropped, &c.Reaped, &c.Rescheduled, &c.Cancelled, &c.Requeued, &c.Repaired, &c.Purged, &c.Failed, &c.Expired,
	}
}

// add counts columns in. P and Q are both Purged, so that R is where Q would be.
func (c *Counts) add(columns map[string]int64) {
	numbers := c.numbers()
	for column, n := range columns {
		if len(column) == 2 {
			c.addPart(column, n)
			continue
		}
		i := int(column[0] - 'A')
		if i > int('P'-'A') {
			i--
		}
		if len(column) > 1 || i < 0 || i >= len(numbers) {
			continue // of a newer dueq
		}
		*numbers[i] += n
		switch column {
		case "F":
			c.Failed += n
		case "J":
			c.Expired += n
		}
	}
}

func (c *Counts) addPart(column string, n int64) {
	part := strings.IndexByte(partLetters, column[1])
	switch {
	case part < 0:
	case column[0] == 'l':
		c.Lateness[part] += n
	case column[0] == 'p':
		c.PromoteLag[part] += n
	}
}
