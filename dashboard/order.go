package dashboard

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dueq-io/dueq/queue"
)

// order is what somebody wants done to jobs: to those they picked from a list, or to all of a queue and a
// state that a filter selects.
type order struct {
	act *actInfo
	// picked are the jobs as they were seen, by queue; nil where the filter says which.
	picked map[string][]queue.Seen
	filter jobFilter
	// due is for actReschedule, zero until it was said.
	due time.Time
	// reason is why, for the journal; back is the page that the form was on.
	reason, back string
	// sure says that it was confirmed by a button, typed what was typed.
	sure  bool
	typed string
}

const (
	scopeJobs, scopeFilter = "jobs", "filter"
	// maxPicked is how many jobs a form may pick. A list has fewer.
	maxPicked = 1000
	// confirmTyped is the number of jobs above which the name of the queue has to be typed.
	confirmTyped = 100
)

func wrongOrder(text phrase) error {
	return &refusal{http.StatusBadRequest, say("Nothing was done"), text}
}

// readOrder reads a form. Its error says what is wrong with it.
func readOrder(form url.Values, now time.Time) (*order, error) {
	o := &order{
		act: actOf(form.Get("act")), reason: field(form, "reason"), back: form.Get("back"),
		sure: form.Get("sure") != "", typed: field(form, "typed"),
	}
	if o.act == nil {
		return nil, wrongOrder(say("There is no such action."))
	}
	if len(o.reason) > longestField {
		return nil, wrongOrder(say("A field has more than %d bytes.", longestField))
	}
	var err error
	if o.due, err = readDue(field(form, "when"), now); err != nil {
		return nil, err
	}
	switch form.Get("scope") {
	case scopeJobs:
		err = o.pick(form["job"])
	case scopeFilter:
		err = o.selectBy(form, now)
	default:
		err = wrongOrder(say("The form does not say to which jobs."))
	}
	return o, err
}

// pick takes the jobs that were ticked.
func (o *order) pick(keys []string) error {
	if len(keys) == 0 {
		return wrongOrder(say("No job was selected. Tick some in the list first."))
	}
	if len(keys) > maxPicked {
		return wrongOrder(say("More than %d jobs were selected.", maxPicked))
	}
	o.picked = map[string][]queue.Seen{}
	for _, key := range keys {
		name, seen, ok := readJobKey(key)
		if !ok {
			return wrongOrder(say("What was selected is no job."))
		}
		o.picked[name] = append(o.picked[name], seen)
	}
	return nil
}

// selectBy takes all jobs of a filter, as it is now.
func (o *order) selectBy(form url.Values, now time.Time) error {
	var wrong []phrase
	if o.filter, wrong = readFilter(form); len(wrong) > 0 {
		return wrongOrder(wrong[0])
	}
	if o.filter.Queue == "" || !slices.Contains(o.act.states, o.filter.State) {
		return wrongOrder(say("This is done to all jobs of one queue in a state in which it can be done. Choose a queue and a state."))
	}
	if o.filter.Bound.IsZero() {
		// To the end of this ms, which is what forms and Redis count in.
		o.filter.Bound = now.Add(time.Millisecond).Truncate(time.Millisecond)
	}
	return nil
}

// readJobKey reads what jobKey writes.
func readJobKey(key string) (name string, seen queue.Seen, ok bool) {
	parts := strings.Split(key, " ")
	const fields = 4
	if len(parts) != fields {
		return "", seen, false
	}
	ms, err := strconv.ParseInt(parts[3], 10, 64)
	seen = queue.Seen{ID: parts[1], State: queue.State(parts[2]), At: time.UnixMilli(ms)}
	return parts[0], seen, err == nil && slices.Contains(queue.States(), seen.State)
}

// readDue reads a moment, or a wait from now on such as 10m.
func readDue(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if wait, err := time.ParseDuration(text); err == nil {
		if wait < 0 {
			return time.Time{}, wrongOrder(say("The new time lies in the past. To run jobs at once there is a button of its own."))
		}
		return now.Add(wait), nil
	}
	at, ok := readTime(text)
	if !ok {
		return time.Time{}, wrongOrder(say("The new time is no time: write one like 2026-11-21T14:30, in UTC, or a wait such as 10m or 2h30m."))
	}
	return at, nil
}

// count is how many jobs were picked.
func (o *order) count() int64 {
	n := 0
	for _, jobs := range o.picked {
		n += len(jobs)
	}
	return int64(n)
}

// single says whether it is about one job that somebody looked at.
func (o *order) single() bool { return o.picked != nil && o.count() == 1 }

// confirmation is what it takes to be done.
type confirmation int

const (
	// atOnce: the button that was pressed is enough.
	atOnce confirmation = iota
	// byButton: a page shows what will be done, and has a button.
	byButton
	// byTyping: the page asks for the name of the queue, too.
	byTyping
)

// confirmation is what an order on so many jobs takes. exact says that there are no more of them.
func (o *order) confirmation(n int64, exact bool) confirmation {
	many := n > confirmTyped || !exact
	switch {
	case o.single() && (o.act.final || o.act.act == actReschedule):
		return byButton
	case o.single():
		return atOnce
	case o.act.final || many:
		return byTyping
	case o.picked == nil || o.act.act == actReschedule:
		return byButton
	default:
		return atOnce
	}
}

// word is what has to be typed: the name of the queue, or of the namespace for jobs of several.
func (o *order) word(namespace string) string {
	if o.picked == nil {
		return o.filter.Queue
	}
	if len(o.picked) == 1 {
		for name := range o.picked {
			return name
		}
	}
	return namespace
}

// refused says whether an error means that nothing was done to a job, and that it would be no use to try
// again.
func refused(err error) bool {
	for _, known := range []error{
		queue.ErrMoved, queue.ErrNotFound, queue.ErrRunning, queue.ErrEnded, queue.ErrAlreadyDue, queue.ErrNotEnded,
	} {
		if errors.Is(err, known) {
			return true
		}
	}
	return false
}

func isRunning(err error) bool { return errors.Is(err, queue.ErrRunning) }

// passes says whether an error may be over when it is tried again.
func passes(err error) bool {
	return errors.Is(err, queue.ErrUnavailable) || errors.Is(err, queue.ErrUnknown)
}
