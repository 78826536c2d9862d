package dashboard

import (
	"context"
	"slices"
	"time"

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

// actInfo is how an act is called, what it may be done to, and how it is done.
type actInfo struct {
	act act
	// word is on its button, title asks whether to do it to how many jobs, did says that it was done.
	word, title, did phrase
	// states are those of the jobs that it may be done to.
	states []queue.State
	// final says that it cannot be undone.
	final bool
	// do is done to jobs of one queue as they were seen; due is for actReschedule.
	do func(ctx context.Context, in *queue.Inspector, name string, jobs []queue.Seen, due time.Time) []error
}

// actTable is every act on jobs.
var actTable = []actInfo{
	{
		act: actRun, word: say("Run now"), title: say("Make %s due now?"), did: say("The job is due now."),
		states: []queue.State{queue.Delayed, queue.Retrying},
		do: func(ctx context.Context, in *queue.Inspector, name string, jobs []queue.Seen, _ time.Time) []error {
			return in.RescheduleSeen(ctx, name, jobs, time.Time{})
		},
	},
	{
		act: actReschedule, word: say("Reschedule"), title: say("Make %s due at another time?"), did: say("The job is due at another time."),
		states: []queue.State{queue.Delayed, queue.Retrying},
		do: func(ctx context.Context, in *queue.Inspector, name string, jobs []queue.Seen, due time.Time) []error {
			return in.RescheduleSeen(ctx, name, jobs, due)
		},
	},
	{
		act: actRequeue, word: say("Requeue"), title: say("Run %s again?"), did: say("The job is ready to run again."),
		states: []queue.State{queue.Dead, queue.Done},
		do: func(ctx context.Context, in *queue.Inspector, name string, jobs []queue.Seen, _ time.Time) []error {
			return in.RequeueSeen(ctx, name, jobs)
		},
	},
	{
		act: actCancel, word: say("Cancel"), title: say("Cancel %s?"),
		did:    say("The job is cancelled. One that runs is gone when its handler returns."),
		states: []queue.State{queue.Delayed, queue.Retrying, queue.Ready, queue.Leased}, final: true,
		do: func(ctx context.Context, in *queue.Inspector, name string, jobs []queue.Seen, _ time.Time) []error {
			return cancelled(in.CancelSeen(ctx, name, jobs), jobs)
		},
	},
	{
		act: actDelete, word: say("Delete"), title: say("Delete %s?"), did: say("The job is deleted."),
		states: []queue.State{queue.Dead, queue.Done}, final: true,
		do: func(ctx context.Context, in *queue.Inspector, name string, jobs []queue.Seen, _ time.Time) []error {
			return in.CancelSeen(ctx, name, jobs)
		},
	},
}

// cancelled takes the answer that a job runs for what it is where it was seen running: it is flagged.
func cancelled(errs []error, jobs []queue.Seen) []error {
	for i := range errs {
		if jobs[i].State == queue.Leased && isRunning(errs[i]) {
			errs[i] = nil
		}
	}
	return errs
}

// actOf is an act by its name, nil for one that there is not.
func actOf(name string) *actInfo {
	i := slices.IndexFunc(actTable, func(a actInfo) bool { return string(a.act) == name })
	if i < 0 {
		return nil
	}
	return &actTable[i]
}

// choice is a button for an act.
type choice struct {
	Act   act
	Word  phrase
	Final bool
}

// choicesFor are the acts for jobs that a filter selects: for those that somebody picks, and for all of
// them. What is done to all needs a queue and a state, so that nobody does it to jobs that they did not
// think of.
func choicesFor(f *jobFilter) (picked, all []choice) {
	for _, a := range actTable {
		c := choice{a.act, a.word, a.final}
		if f.State == "" || slices.Contains(a.states, f.State) {
			picked = append(picked, c)
		}
		if f.Queue != "" && slices.Contains(a.states, f.State) {
			all = append(all, c)
		}
	}
	return picked, all
}

// acts says whether the identity may do something that needs a permission, here.
func (v *view) acts(need access.Permission) bool { return !v.d.cfg.ReadOnly && v.id.May(need) }
