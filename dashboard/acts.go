package dashboard

import (
	"slices"

	"github.com/dueq-io/dueq/dashboard/access"
	"github.com/dueq-io/dueq/queue"
)

// act is something that is done to jobs.
type act string

const (
	// actRun makes a delayed or retrying job due now, actReschedule at another time.
	actRun        act = "run"
	actReschedule act = "reschedule"
	// actCancel ends a job that waits or runs, actDelete one that has ended.
	actCancel act = "cancel"
	actDelete act = "delete"
	// actRequeue runs a dead or done job again.
	actRequeue act = "requeue"
)

// actInfo is how an act is called, and what it may be done to.
type actInfo struct {
	act act
	// word is on its button, will says what it does to how many jobs.
	word, will phrase
	// states are those of the jobs that it may be done to.
	states []queue.State
	// final says that it cannot be undone.
	final bool
}

// actTable is every act on jobs.
var actTable = []actInfo{
	{actRun, say("Run now"), say("Make %s due now"), []queue.State{queue.Delayed, queue.Retrying}, false},
	{actReschedule, say("Reschedule"), say("Make %s due at another time"), []queue.State{queue.Delayed, queue.Retrying}, false},
	{actRequeue, say("Requeue"), say("Run %s again"), []queue.State{queue.Dead, queue.Done}, false},
	{actCancel, say("Cancel"), say("Cancel %s"), []queue.State{queue.Delayed, queue.Retrying, queue.Ready, queue.Leased}, true},
	{actDelete, say("Delete"), say("Delete %s"), []queue.State{queue.Dead, queue.Done}, true},
}

// choice is a button for an act.
type choice struct {
	Act   act
	Word  phrase
	Final bool
}

// choicesFor are the acts for jobs of a state, or of any: those selected, and all that a filter selects.
// What is done to all needs a state, so that nobody does it to jobs that they did not think of.
func choicesFor(s queue.State) (selected, all []choice) {
	for _, a := range actTable {
		c := choice{a.act, a.word, a.final}
		if s == "" || slices.Contains(a.states, s) {
			selected = append(selected, c)
		}
		if slices.Contains(a.states, s) {
			all = append(all, c)
		}
	}
	return selected, all
}

// acts says whether the identity may do something that needs a permission, here.
func (v *view) acts(need access.Permission) bool { return !v.d.cfg.ReadOnly && v.id.May(need) }

// didWords say what was just done, by the word in the address of the page that tells it.
var didWords = map[string]phrase{
	string(actRun):        say("The job is due now."),
	string(actReschedule): say("The job is due at another time."),
	string(actRequeue):    say("The job is ready to run again."),
	string(actCancel):     say("The job is cancelled. One that runs is gone when its handler returns."),
	string(actDelete):     say("The job is deleted."),
	"moved":               say("Nothing was done: the job had moved on meanwhile."),
}

// didQueueWords are didWords for what was done to a queue.
var didQueueWords = map[string]phrase{
	"pause":  say("The queue is paused: workers get no jobs of it. Those that run go on."),
	"resume": say("Workers get jobs of the queue again."),
	"close":  say("The intake is closed: producers are refused. Jobs that are there go on."),
	"open":   say("The intake is open again."),
	"limit":  say("The limit is set."),
}
