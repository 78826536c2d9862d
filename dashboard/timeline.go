package dashboard

import (
	"time"

	"github.com/dueq-io/dueq/queue"
)

// step is one thing that happened to a job, or is going to.
type step struct {
	What phrase
	When *moment
	// Note is what there is to say beside: how long after the step before, or whose clock it is.
	Note phrase
	// State colours the step; Ahead says that it has not happened yet.
	State queue.State
	Ahead bool
}

// steps are what is known of a job's life, in its order, which the clocks of several machines need not agree with.
func steps(j *queue.JobInfo, run *running, now time.Time) []step {
	var all []step
	add := func(at time.Time, state queue.State, what, note phrase) {
		if !at.IsZero() {
			all = append(all, step{What: what, When: newMoment(at, now), Note: note, State: state, Ahead: at.After(now)})
		}
	}
	var before queue.Event
	for _, e := range past(j, run) {
		state, what, note := eventWords(e, before, j)
		if run != nil && e.What == queue.EventStarted && e.At.Equal(run.Started) {
			note = say("on %s", run.Worker)
		}
		add(e.At, state, what, note)
		before = e
	}
	switch j.State {
	case queue.Delayed:
		add(j.At, queue.Delayed, say("due"), overdueBy(j.At, now))
	case queue.Retrying:
		add(j.At, queue.Retrying, say("due for another attempt"), overdueBy(j.At, now))
	case queue.Ready:
		if !j.Run.Ready.IsZero() {
			all[len(all)-1].Note = waited(j.Run.Ready, now)
		}
	case queue.Leased:
		add(j.At, queue.Leased, say("lease ends, unless the worker extends it"), phrase{})
	case queue.Done:
		add(j.At, queue.Done, say("is forgotten"), phrase{})
	case queue.Dead:
	}
	if !j.Expires.IsZero() && j.State != queue.Dead && j.State != queue.Done {
		add(j.Expires, "", say("expires, if it has not started"), phrase{})
	}
	return all
}

// past is a job's timeline, with the start of the run that its worker tells of.
func past(j *queue.JobInfo, run *running) []queue.Event {
	known := *j
	if run != nil {
		known.Run = run.Run
	}
	return known.Timeline()
}

// eventWords says what an event is, after the one before.
func eventWords(e, before queue.Event, j *queue.JobInfo) (state queue.State, what, note phrase) {
	switch e.What {
	case queue.EventEnqueued:
		return "", say("enqueued"), say("by the producer's clock")
	case queue.EventDue:
		return queue.Delayed, say("became due"), phrase{}
	case queue.EventReady:
		return queue.Ready, say("became ready"), after(e, before)
	case queue.EventStarted:
		return queue.Leased, say("attempt %d started", e.Attempt), after(e, before)
	case queue.EventFailed:
		return queue.Retrying, say("attempt %d failed", e.Attempt), say("by the worker's clock")
	case queue.EventLost:
		return queue.Retrying, say("its worker was lost, or away from Redis for too long"), phrase{}
	case queue.EventDied:
		return queue.Dead, say("died"), reasonWord(j.Reason)
	default:
		return queue.Done, say("done"), after(e, before)
	}
}

// after says how long after another an event was, where both are of one run and by Redis's clock.
func after(e, before queue.Event) phrase {
	if before.Attempt != 0 && before.What != queue.EventFailed && e.At.After(before.At) {
		return say("%s after that", formatSpan(e.At.Sub(before.At)))
	}
	return phrase{}
}

func overdueBy(due, now time.Time) phrase {
	if late := now.Sub(due); late > time.Second {
		return say("overdue by %s: it is not promoted", formatSpan(late))
	}
	return phrase{}
}

func waited(ready, now time.Time) phrase {
	if late := now.Sub(ready); late > 0 {
		return say("waits for a worker since %s", formatSpan(late))
	}
	return phrase{}
}

// reasonWord says why a job is dead.
func reasonWord(r queue.Reason) phrase {
	switch r {
	case queue.ReasonExhausted:
		return say("it failed as often as it may")
	case queue.ReasonRejected:
		return say("its handler said that no retry can help")
	case queue.ReasonExpired:
		return say("it had not started when it expired")
	case queue.ReasonDamaged:
		return say("its record cannot be read")
	case queue.ReasonCrashLoop:
		return say("several workers were lost with it")
	default:
		return phrase{}
	}
}

// running is where a leased job runs, by what its worker says.
type running struct {
	Worker  string
	Attempt int
	Since   time.Time
	queue.Run
}
