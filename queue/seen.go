package queue

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"
)

// Seen is a job as somebody saw it. What they do to it is done only if it is there still: ErrMoved says
// that it is not, and that nothing was done.
type Seen struct {
	ID    string
	State State
	// At is the JobInfo.At that was seen. It counts for the states delayed, retrying, dead and done: a job
	// that has left and come back is another time there. For ready and leased jobs the state is all.
	At time.Time
}

// Seen is the job as it is in this JobInfo.
func (j *JobInfo) Seen() Seen { return Seen{ID: j.ID, State: j.State, At: j.At} }

// anywhere is what scripts get for a job that nobody has looked at.
const anywhere = ""

// where is what scripts compare the place of the job with.
func (s *Seen) where() string {
	if _, timed := stateSets[s.State]; !timed || s.State == Leased {
		return string(s.State)
	}
	return string(s.State) + " " + strconv.FormatInt(s.At.UnixMilli(), 10)
}

func (s *Seen) check() error {
	if !slices.Contains(States(), s.State) {
		return fmt.Errorf("%w: state %q: want one of %v", ErrInvalid, s.State, States())
	}
	if s.At.UnixMilli() < 0 && s.where() != string(s.State) {
		return fmt.Errorf("%w: job %s was seen at no time", ErrInvalid, s.ID)
	}
	return checkID(s.ID)
}

// CancelSeen is Cancel for jobs of a queue as they were seen, in batches. It also removes those that were
// seen as done, whose IDs are then free. The result has an error for each job, or nil.
func (in *Inspector) CancelSeen(ctx context.Context, queue string, jobs []Seen) []error {
	return in.actSeen(ctx, cancelScript, queue, jobs)
}

// RequeueSeen is Requeue for jobs of a queue as they were seen, in batches. The result has an error for
// each job, or nil.
func (in *Inspector) RequeueSeen(ctx context.Context, queue string, jobs []Seen) []error {
	return in.actSeen(ctx, requeueScript, queue, jobs)
}

// RescheduleSeen is RescheduleAt for jobs of a queue as they were seen, in batches; the zero time is now,
// by Redis's clock. The result has an error for each job, or nil.
func (in *Inspector) RescheduleSeen(ctx context.Context, queue string, jobs []Seen, due time.Time) []error {
	if !due.IsZero() {
		if err := in.c.cfg.checkDue(due, time.Now()); err != nil {
			return repeated(err, len(jobs))
		}
	}
	return in.actSeen(ctx, rescheduleScript, queue, jobs, when(due, 0))
}

func repeated(err error, n int) []error {
	out := make([]error, n)
	for i := range out {
		out[i] = err
	}
	return out
}

// actSeen carries a script out on jobs, each with what more it wants and with where it was seen.
func (in *Inspector) actSeen(ctx context.Context, sc *script, queue string, jobs []Seen, more ...any) []error {
	out := make([]error, len(jobs))
	if err := checkQueue(queue); err != nil {
		return repeated(err, len(jobs))
	}
	g := in.c.lineOf(queue).settle[sc]
	var sent []*entry
	var at []int
	for i := range jobs {
		if out[i] = jobs[i].check(); out[i] == nil {
			sent, at = append(sent, newEntry(jobs[i].ID, "", append(slices.Clone(more), jobs[i].where())...)), append(at, i)
		}
	}
	g.sendAll(ctx, sent)
	for i, e := range sent {
		out[at[i]] = g.failure(e.id, e.err)
		e.free()
	}
	return out
}
