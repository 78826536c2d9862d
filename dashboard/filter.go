package dashboard

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dueq-io/dueq/queue"
)

// jobFilter is which jobs somebody looks for, or does something to. Every field is optional.
type jobFilter struct {
	Queue string
	State queue.State
	Kind  string
	Tag   string
	// Prefix is what IDs begin with.
	Prefix string
	// Group is an error group, by its fingerprint.
	Group string
	// From and To are when delayed and retrying jobs are due, dead ones died, and done ones ended.
	From, To time.Time
	// Bound, where set, leaves out jobs that came to where they are after it.
	Bound time.Time
}

// longestField bounds what a field of a form may have, in bytes.
const longestField = 256

// timeForms are how a time may be written, all in UTC where they do not say otherwise. A browser's field
// of date and time writes the ones without a zone.
var timeForms = []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02T15:04", time.DateTime, time.DateOnly}

// readFilter reads a filter from the fields of a form, and says what is wrong with them.
func readFilter(form url.Values) (jobFilter, []phrase) {
	f := jobFilter{
		Queue: field(form, "queue"), State: queue.State(field(form, "state")), Kind: field(form, "kind"), Tag: field(form, "tag"),
		Prefix: field(form, "prefix"), Group: field(form, "group"),
	}
	var wrong []phrase
	for name := range form {
		if slices.ContainsFunc(form[name], func(s string) bool { return len(s) > longestField }) {
			return jobFilter{}, append(wrong, say("A field has more than %d bytes.", longestField))
		}
	}
	if f.State != "" && !slices.Contains(queue.States(), f.State) {
		wrong = append(wrong, say("There is no such state."))
		f.State = ""
	}
	for _, bound := range []struct {
		name string
		time *time.Time
	}{{"from", &f.From}, {"to", &f.To}, {"bound", &f.Bound}} {
		var ok bool
		if *bound.time, ok = readTime(field(form, bound.name)); !ok {
			wrong = append(wrong, say("A time is written like 2026-11-21T14:30, in UTC, and lies between 1970 and 9999."))
		}
	}
	if !f.From.IsZero() && !f.To.IsZero() && !f.From.Before(f.To) {
		wrong = append(wrong, say("The range ends before it begins."))
	}
	if (!f.From.IsZero() || !f.To.IsZero()) && !ranged(f.State) {
		wrong = append(wrong, say("A range of times goes with the states delayed, retrying, dead and done."))
		f.From, f.To = time.Time{}, time.Time{}
	}
	return f, wrong
}

// ranged says whether jobs of a state can be told apart by a range of times.
func ranged(s queue.State) bool {
	return s == queue.Delayed || s == queue.Retrying || s == queue.Dead || s == queue.Done
}

func field(form url.Values, name string) string { return strings.TrimSpace(form.Get(name)) }

// readTime reads a time, also as milliseconds since 1970; empty is the zero time. It returns false for
// what is none, or none that Redis can keep.
func readTime(text string) (time.Time, bool) {
	if text == "" {
		return time.Time{}, true
	}
	at, ok := time.Time{}, false
	if ms, err := strconv.ParseInt(text, 10, 64); err == nil {
		at, ok = time.UnixMilli(ms).UTC(), true
	}
	for _, form := range timeForms {
		if parsed, err := time.Parse(form, text); err == nil {
			at, ok = parsed.UTC(), true
			break
		}
	}
	if !ok || at.Year() < 1970 || at.Year() > 9999 {
		return time.Time{}, false
	}
	return at, true
}

// writeTime is what readTime reads.
func writeTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02T15:04:05.999")
}

// pairs are the fields that are set, in an order of their own.
func (f *jobFilter) pairs() [][2]string {
	var out [][2]string
	for _, pair := range [][2]string{
		{"queue", f.Queue},
		{"state", string(f.State)},
		{"kind", f.Kind},
		{"tag", f.Tag},
		{"prefix", f.Prefix},
		{"group", f.Group},
		{"from", writeTime(f.From)},
		{"to", writeTime(f.To)},
		{"bound", writeTime(f.Bound)},
	} {
		if pair[1] != "" {
			out = append(out, pair)
		}
	}
	return out
}

// String is the filter for the journal: queue=sms state=dead.
func (f *jobFilter) String() string {
	var parts []string
	for _, pair := range f.pairs() {
		if pair[0] != "queue" && pair[0] != "bound" {
			parts = append(parts, pair[0]+"="+pair[1])
		}
	}
	return strings.Join(parts, " ")
}

// query is the filter for one queue. matches is asked about jobs as they may be seen.
func (f *jobFilter) query() queue.Query {
	q := queue.Query{State: f.State, Kind: f.Kind, Tag: f.Tag}
	if f.State != queue.Done { // whose place in Redis tells until when they are kept
		q.DueFrom, q.DueTo = f.From, f.To
	}
	return q
}

// picky says whether jobs have to be looked at one by one.
func (f *jobFilter) picky() bool {
	return f.Prefix != "" || f.Group != "" || !f.Bound.IsZero() || (f.State == queue.Done && (!f.From.IsZero() || !f.To.IsZero()))
}

// matches says of a job whether it has what query cannot ask for.
func (f *jobFilter) matches(j *queue.JobInfo) bool {
	if !strings.HasPrefix(j.ID, f.Prefix) || (!f.Bound.IsZero() && arrivedAt(j).After(f.Bound)) {
		return false
	}
	if f.State == queue.Done {
		ended := j.Ended()
		if ended.Before(f.From) || (!f.To.IsZero() && !ended.Before(f.To)) {
			return false
		}
	}
	return f.Group == "" || errorGroup(j).ID == f.Group
}

// arrivedAt is when a job came to where it is, as far as known: when it ended, when it failed last, or
// when it was enqueued.
func arrivedAt(j *queue.JobInfo) time.Time {
	switch {
	case j.State == queue.Dead || j.State == queue.Done:
		return j.Ended()
	case j.State == queue.Retrying && len(j.Errors) > 0:
		return j.Errors[0].At
	default:
		return j.Created
	}
}

// fieldWord is what a field of a filter is called.
func fieldWord(name string) phrase {
	switch name {
	case "queue":
		return say("Queue")
	case "state":
		return say("State")
	case "kind":
		return say("Kind")
	case "tag":
		return say("Tag")
	case "prefix":
		return say("ID begins with")
	case "group":
		return say("Error group")
	case "from":
		return say("Due or ended from (UTC)")
	default:
		return say("before")
	}
}
