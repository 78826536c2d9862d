package queue

import (
	"slices"
	"time"
)

// EventKind is what happened to a job.
type EventKind string

// What happens to jobs. The times are by Redis's clock, unless it says otherwise.
const (
	EventEnqueued EventKind = "enqueued" // by the producer's clock
	EventDue      EventKind = "due"
	EventReady    EventKind = "ready"
	EventStarted  EventKind = "started"
	EventFailed   EventKind = "failed" // by the worker's clock
	EventLost     EventKind = "lost"   // the lease ran out: its worker was lost, or away from Redis
	EventDied     EventKind = "dead"
	EventDone     EventKind = "done"
)

// Event is one entry of a job's timeline.
type Event struct {
	At   time.Time
	What EventKind
	// Attempt is which start of the job it belongs to, from 1; 0 where it belongs to none, or that is not known.
	Attempt int
}

// Timeline returns what is known of a job's past, in order. A job keeps its last 5 failures and lost leases; that it
// was snoozed, released or requeued leaves no trace. Where Run is that of a run under way (see RunningJob), its start is
// there, too.
func (j *JobInfo) Timeline() []Event {
	var t timeline
	t.add(j.Created, EventEnqueued, 0)
	for _, ended := range j.attempts() {
		t.run(ended.run, ended.attempt)
		t.add(ended.at, ended.what, ended.attempt)
	}
	t.run(j.Run, j.Failures+j.LostLeases+1)
	switch j.State {
	case Dead:
		t.add(j.At, EventDied, 0)
	case Done:
		t.add(j.Ended(), EventDone, j.Failures+j.LostLeases+1)
	case Delayed, Retrying, Ready, Leased:
	}
	return t
}

// Ended is when a job was done or died, by Redis's clock; zero while it has not ended.
func (j *JobInfo) Ended() time.Time {
	switch {
	case j.At.IsZero():
		return time.Time{}
	case j.State == Dead:
		return j.At
	case j.State == Done:
		return j.At.Add(-j.Retain)
	default:
		return time.Time{}
	}
}

// pastAttempt is how an attempt that did not succeed ended.
type pastAttempt struct {
	at      time.Time
	what    EventKind
	attempt int
	run     Run
}

// attempts are those that failed or were lost, as far as they are kept, the first one first.
func (j *JobInfo) attempts() []pastAttempt {
	var all []pastAttempt
	for _, at := range slices.Backward(j.LostAt) {
		all = append(all, pastAttempt{at: at, what: EventLost})
	}
	for _, e := range slices.Backward(j.Errors) {
		all = append(all, pastAttempt{e.At, EventFailed, e.Attempt, e.Run})
	}
	// By Redis's clock where it is known: workers' clocks differ. An attempt may begin in the ms in which the one before
	// was lost.
	began := func(a *pastAttempt) time.Time {
		if a.run.Started.IsZero() {
			return a.at
		}
		return a.run.Started
	}
	slices.SortStableFunc(all, func(a, b pastAttempt) int { return began(&a).Compare(began(&b)) })
	return all
}

type timeline []Event

func (t *timeline) add(at time.Time, what EventKind, attempt int) {
	if !at.IsZero() {
		*t = append(*t, Event{at, what, attempt})
	}
}

// run adds how a run began.
func (t *timeline) run(r Run, attempt int) {
	t.add(r.Due, EventDue, attempt)
	t.add(r.Ready, EventReady, attempt)
	t.add(r.Started, EventStarted, attempt)
}
