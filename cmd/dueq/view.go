package main

import (
	"time"

	"github.com/dueq-io/dueq/queue"
)

// jobView is a job as JSON.
type jobView struct {
	Queue         string            `json:"queue"`
	ID            string            `json:"id"`
	Kind          string            `json:"kind"`
	State         queue.State       `json:"state"`
	At            *string           `json:"at"`
	Due           *string           `json:"due"`
	Created       *string           `json:"created"`
	Priority      string            `json:"priority"`
	Payload       *string           `json:"payload,omitempty"`
	PayloadBase64 *string           `json:"payload_base64,omitempty"`
	PayloadBytes  int               `json:"payload_bytes"`
	Failures      int               `json:"failures"`
	LostLeases    int               `json:"lost_leases"`
	MaxAttempts   int               `json:"max_attempts,omitempty"`
	Reason        queue.Reason      `json:"reason,omitempty"`
	Errors        []queue.Failure   `json:"errors,omitempty"`
	Timeline      []eventView       `json:"timeline"`
	Token         int64             `json:"token,omitempty"`
	Cancelled     bool              `json:"cancelled,omitempty"`
	Unique        string            `json:"unique,omitempty"`
	Expires       *string           `json:"expires,omitempty"`
	Backoff       []string          `json:"backoff,omitempty"`
	Retain        string            `json:"retain,omitempty"`
	Tags          []string          `json:"tags,omitempty"`
	Headers       map[string]string `json:"headers,omitempty"`
	Damage        string            `json:"damage,omitempty"`
}

// eventView is one entry of a job's timeline.
type eventView struct {
	At      string          `json:"at"`
	What    queue.EventKind `json:"what"`
	Attempt int             `json:"attempt,omitempty"`
}

// viewOf makes the JSON of a job. Lists leave payloads out: a page of them may be half a gigabyte.
func viewOf(j *queue.JobInfo, withPayload bool) *jobView {
	v := &jobView{
		Queue: j.Queue, ID: j.ID, Kind: j.Kind, State: j.State, Priority: j.Priority.String(),
		At: optionalStamp(j.At), Due: optionalStamp(j.Due), Created: optionalStamp(j.Created), Expires: optionalStamp(j.Expires),
		PayloadBytes: len(j.Payload), Failures: j.Failures, LostLeases: j.LostLeases, MaxAttempts: j.MaxAttempts,
		Reason: j.Reason, Errors: j.Errors, Timeline: []eventView{}, Token: j.Token, Cancelled: j.Cancelled, Unique: j.Unique.Key,
		Tags: j.Tags, Headers: j.Headers,
	}
	if withPayload {
		v.Payload, v.PayloadBase64 = payloadJSON(j.Payload)
	}
	for _, e := range j.Timeline() {
		v.Timeline = append(v.Timeline, eventView{stamp(e.At), e.What, e.Attempt})
	}
	for _, wait := range j.Backoff {
		v.Backoff = append(v.Backoff, wait.String())
	}
	if j.Retain > 0 {
		v.Retain = j.Retain.String()
	}
	if j.Err != nil {
		v.Damage = j.Err.Error()
	}
	return v
}

// atText says what JobInfo.At means in the state of the job.
func atText(j *queue.JobInfo, now time.Time) string {
	when := moment(j.At, now)
	if j.At.IsZero() {
		return "-"
	}
	switch j.State {
	case queue.Delayed, queue.Retrying, queue.Ready:
		return "due " + when
	case queue.Leased:
		return "lease ends " + when
	case queue.Dead:
		return "died " + when
	case queue.Done:
		return "kept, ends " + when
	default:
		return when
	}
}
