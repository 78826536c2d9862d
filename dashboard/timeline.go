package dashboard

import (
	"slices"
	"time"

	"github.com/dueq-io/dueq/queue"
)

// step is one thing that happened to a job, or is going to.
type step struct {
	What phrase
	When *moment
	// Note is what there is to say beside: how long since the step before, or whose clock it is.
	Note phrase
	// State colours the step; Ahead says that it has not happened yet.
	State queue.State
	Ahead bool
}

// timeline is what is known of a job's life, in its order, which the clocks of several machines need not
// agree with. Redis keeps no record of moves: what a job no
// longer shows, such as when it was promoted the time before, is not there.
func timeline(j *queue.JobInfo, run *running, now time.Time) []step {
	var steps []step
	add := func(at time.Time, state queue.State, what, note phrase) {
		if !at.IsZero() {
			steps = append(steps, step{What: what, When: newMoment(at, now), Note: note, State: state, Ahead: at.After(now)})
		}
	}
	add(j.Created, "", say("enqueued"), say("by the producer's clock"))
	for _, e := range slices.Backward(j.Errors) { // they are newest first
		add(e.At, queue.Retrying, say("attempt %d failed", e.Attempt), say("by the worker's clock"))
	}
	switch j.State {
	case queue.Delayed:
		add(j.At, queue.Delayed, say("due"), overdueBy(j.At, now))
	case queue.Retrying:
		add(j.At, queue.Retrying, say("due for another attempt"), overdueBy(j.At, now))
	case queue.Ready:
		add(j.At, queue.Ready, say("became due"), waited(j.At, now))
	case queue.Leased:
		if run != nil {
			add(run.Since, queue.Leased, say("attempt %d started", run.Attempt), say("on %s", run.Worker))
		}
		add(j.At, queue.Leased, say("lease ends, unless the worker extends it"), phrase{})
	case queue.Dead:
		add(j.At, queue.Dead, say("died"), reasonWord(j.Reason))
	case queue.Done:
		add(endedAt(j), queue.Done, say("done"), phrase{})
		add(j.At, queue.Done, say("is forgotten"), phrase{})
	}
	if !j.Expires.IsZero() && j.State != queue.Dead && j.State != queue.Done {
		add(j.Expires, "", say("expires, if it has not started"), phrase{})
	}
	return steps
}

func overdueBy(due, now time.Time) phrase {
	if late := now.Sub(due); late > time.Second {
		return say("overdue by %s: it is not promoted", formatSpan(late))
	}
	return phrase{}
}

func waited(due, now time.Time) phrase {
	if late := now.Sub(due); late > 0 {
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
}
