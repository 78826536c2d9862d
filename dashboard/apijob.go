package dashboard

import (
	"time"

	"github.com/dueq-io/dueq/queue"
)

// jobAnswer is the answer of /api/v1/job: what a job's page shows, with secrets hidden.
type jobAnswer struct {
	jobHead
	// Created is when it was enqueued, by the producer's clock, KeptUntil when a done job is forgotten. Times
	// that are not known are left out.
	Created   time.Time     `json:"created,omitzero"`
	KeptUntil time.Time     `json:"kept_until,omitzero"`
	Retain    time.Duration `json:"retain_ns"`
	// Expires is after when it does not start any more, and OnExpiry what becomes of it then.
	Expires  time.Time `json:"expires,omitzero"`
	OnExpiry string    `json:"on_expiry"`
	Priority string    `json:"priority"`
	// Backoff is the waits before each retry, the last of which repeats.
	Backoff []time.Duration `json:"backoff_ns,omitempty"`
	// Unique is its lock, left out where it has none.
	Unique  *uniqueAnswer     `json:"unique,omitempty"`
	Headers map[string]string `json:"headers,omitempty"`
	// Token is the fencing number of its lease, 0 without one; LostLeases how many workers were lost with it.
	Token      int64 `json:"token"`
	LostLeases int   `json:"lost_leases"`
	// Reason is why it is dead.
	Reason queue.Reason `json:"reason,omitempty"`
	// Errors are the last failures, newest first, and ErrorsLost how many more there were.
	Errors     []errorOfJob `json:"errors"`
	ErrorsLost int          `json:"errors_not_kept"`
	// Timeline is what is known of its past, in order.
	Timeline []eventOfJob `json:"timeline"`
	// Running is where a leased job runs, where its worker has said so.
	Running *runningAnswer `json:"running,omitempty"`
	Payload payloadAnswer  `json:"payload"`
}

type uniqueAnswer struct {
	Key   string `json:"key"`
	Scope string `json:"scope"`
	// Window is how long a lock of the scope for_window holds.
	Window time.Duration `json:"window_ns,omitempty"`
}

type errorOfJob struct {
	Attempt int `json:"attempt"`
	// At is when, by the worker's clock.
	At    time.Time `json:"at,omitzero"`
	Error string    `json:"error"`
	// Group is the fingerprint of its error group.
	Group string `json:"group"`
}

type eventOfJob struct {
	At   time.Time       `json:"at,omitzero"`
	What queue.EventKind `json:"what"`
	// Attempt is which start of the job it belongs to, from 1; left out where it belongs to none.
	Attempt int `json:"attempt,omitempty"`
}

type runningAnswer struct {
	Worker  string `json:"worker"`
	Attempt int    `json:"attempt"`
	// Since is when it started, by the worker's clock.
	Since time.Time `json:"since,omitzero"`
}

// payloadAnswer is what a payload is, and the text that a page shows of it.
type payloadAnswer struct {
	// Form is json, text or binary, and Bytes how long the payload is in Redis.
	Form  string `json:"form"`
	Bytes int    `json:"bytes"`
	Text  string `json:"text"`
}

func newJobAnswer(v *view, j *queue.JobInfo, form payloadForm) jobAnswer {
	a := jobAnswer{
		jobHead: newJobHead(j), Created: jsonTime(j.Created), Retain: j.Retain, Expires: jsonTime(j.Expires), OnExpiry: expiryName(j.OnExpiry),
		Priority: j.Priority.String(), Backoff: j.Backoff, Headers: j.Headers, Token: j.Token, LostLeases: j.LostLeases, Reason: j.Reason,
		Errors: make([]errorOfJob, len(j.Errors)), ErrorsLost: failuresForgotten(j), Timeline: []eventOfJob{},
		Payload: payloadAnswer{form.name(), form.bytes, hiddenPayload(form, j.Payload).Text},
	}
	if j.State == queue.Done {
		a.KeptUntil = jsonTime(j.At)
	}
	if j.Unique.Key != "" {
		a.Unique = &uniqueAnswer{j.Unique.Key, scopeName(j.Unique.Scope), j.Unique.Window}
	}
	for i, attempt := range newAttempts(j, v) {
		e := &j.Errors[i]
		a.Errors[i] = errorOfJob{attempt.N, jsonTime(e.At), e.Error, attempt.Group.ID}
	}
	run := v.running(j)
	if run != nil {
		a.Running = &runningAnswer{run.Worker, run.Attempt, jsonTime(run.Since)}
	}
	for _, e := range past(j, run) {
		a.Timeline = append(a.Timeline, eventOfJob{jsonTime(e.At), e.What, e.Attempt})
	}
	return a
}

func expiryName(p queue.ExpiryPolicy) string {
	switch p {
	case queue.DropExpired:
		return "drop"
	case queue.RunExpired:
		return "run"
	default:
		return "bury"
	}
}

func scopeName(s queue.UniqueScope) string {
	switch s {
	case queue.UntilStarted:
		return "until_started"
	case queue.ForWindow:
		return "for_window"
	default:
		return "until_done"
	}
}
