package dashboard

import (
	"cmp"
	"context"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/dueq-io/dueq/dashboard/access"
	"github.com/dueq-io/dueq/queue"
)

// jobPage is what the page of that name shows.
type jobPage struct {
	Job      jobRow
	Reason   phrase
	Steps    []step
	Attempts []attempt
	// Kept says that there were more failures than are kept.
	More    int
	Payload payloadView
	Headers [][2]string
	Facts   []fact
	Acts    []choice
	// Reveals says that the reader may see what is hidden, Revealed that this page shows it.
	Reveals, Revealed bool
	Back              string
	// Did says what was just done.
	Did phrase
}

// fact is a setting of a job.
type fact struct {
	Name  phrase
	Value phrase
	// Link is where the value leads; empty: nowhere.
	Link string
}

func (d *Dashboard) jobData(ctx context.Context, v *view) (any, error) {
	j, form, err := v.shownJob(ctx, v.query.Get("queue"), v.query.Get("id"))
	if err != nil {
		return nil, err
	}
	return newJobPage(v, &j, hiddenPayload(form, j.Payload)), nil
}

// shownJob reads a job of a queue in sight, with secrets hidden, and what its payload is.
func (v *view) shownJob(ctx context.Context, name, id string) (queue.JobInfo, payloadForm, error) {
	if err := v.known(name); err != nil {
		return queue.JobInfo{}, payloadForm{}, err
	}
	return v.jobAndForm(ctx, name, id)
}

func newJobPage(v *view, j *queue.JobInfo, payload payloadView) *jobPage {
	p := &jobPage{
		Job: newJobRow(j, v.now), Reason: reasonWord(j.Reason), Steps: steps(j, v.running(j), v.now),
		Attempts: newAttempts(j, v), Payload: payload, Facts: jobFacts(j, v),
		Reveals: v.acts(access.Reveal), Back: v.d.cfg.BasePath + "/" + jobPath(j.Queue, j.ID), Did: didPhrase(v.query),
	}
	p.More = failuresForgotten(j)
	for _, name := range slices.Sorted(maps.Keys(j.Headers)) {
		p.Headers = append(p.Headers, [2]string{name, j.Headers[name]})
	}
	if v.acts(access.Operate) {
		_, p.Acts = choicesFor(&jobFilter{Queue: j.Queue, State: j.State})
	}
	return p
}

// failuresForgotten is how many failures of a job are not kept any more.
func failuresForgotten(j *queue.JobInfo) int { return max(0, j.Failures-len(j.Errors)) }

// jobPath is where a job's page is. Its ID may have any character that a path has a meaning for.
func jobPath(name, id string) string {
	return "job?" + url.Values{"queue": {name}, "id": {id}}.Encode()
}

// running finds where a leased job runs, by what its worker said last; nil where none has said so. A worker
// tells of the jobs that it has had for longest.
func (v *view) running(j *queue.JobInfo) *running {
	if j.State != queue.Leased {
		return nil
	}
	for i := range v.frame.fleet.Workers {
		w := &v.frame.fleet.Workers[i]
		for _, r := range w.Running {
			if r.ID == j.ID && r.Queue == j.Queue {
				return &running{cmp.Or(w.Name, w.Process.Name, w.Host), r.Attempt, r.Since, r.Run}
			}
		}
	}
	return nil
}

// jobFacts are how a job was enqueued.
func jobFacts(j *queue.JobInfo, v *view) []fact {
	base := v.d.cfg.BasePath
	facts := []fact{
		{say("Queue"), say("%s", j.Queue), base + "/queue?" + url.Values{"name": {j.Queue}}.Encode()},
		{say("Kind"), say("%s", j.Kind), base + "/jobs?" + url.Values{"queue": {j.Queue}, "kind": {j.Kind}}.Encode()},
		{Name: say("Priority"), Value: priorityWord(j.Priority)},
	}
	add := func(set bool, name, value phrase) {
		if set {
			facts = append(facts, fact{Name: name, Value: value})
		}
	}
	attempts := say("as the worker allows")
	if j.MaxAttempts > 0 {
		attempts = say("%d at most", j.MaxAttempts)
	}
	add(true, say("Attempts"), attempts)
	add(len(j.Backoff) > 0, say("Waits between attempts"), waits(j.Backoff))
	add(j.LostLeases > 0, say("Workers lost with it"), say("%d", j.LostLeases))
	add(j.Token != 0, say("Fencing token"), say("%d", j.Token))
	add(j.Unique.Key != "", say("Unique key"), uniqueWord(&j.Unique))
	add(!j.Expires.IsZero(), say("Expires"), say("%s, then %s", j.Expires.UTC().Format(time.DateTime+" UTC"), expiryWord(j.OnExpiry)))
	add(j.Retain > 0, say("Kept when done"), say("for %s", formatSpan(j.Retain)))
	for _, tag := range j.Tags {
		facts = append(facts, fact{say("Tag"), say("%s", tag), base + "/jobs?" + url.Values{"queue": {j.Queue}, "tag": {tag}}.Encode()})
	}
	return facts
}

func priorityWord(p queue.Priority) phrase {
	switch p {
	case queue.High:
		return say("high")
	case queue.Low:
		return say("low")
	default:
		return say("normal")
	}
}

func expiryWord(p queue.ExpiryPolicy) phrase {
	switch p {
	case queue.DropExpired:
		return say("it is dropped")
	case queue.RunExpired:
		return say("it runs all the same")
	default:
		return say("it is dead")
	}
}

func uniqueWord(u *queue.Unique) phrase {
	switch u.Scope {
	case queue.UntilStarted:
		return say("%s, until it starts", u.Key)
	case queue.ForWindow:
		return say("%s, for %s", u.Key, formatSpan(u.Window))
	default:
		return say("%s, until it is done", u.Key)
	}
}

// waits lists the first waits of a backoff table.
func waits(backoff []time.Duration) phrase {
	const most = 8
	var parts []string
	for _, d := range backoff[:min(len(backoff), most)] {
		parts = append(parts, formatSpan(d))
	}
	if len(backoff) > most {
		parts = append(parts, "…")
	}
	return say("%s", strings.Join(parts, ", "))
}
