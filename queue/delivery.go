package queue

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Delivery is one lease of one job. It carries what settling needs, so pass it on as it is.
type Delivery struct {
	// Job is what was enqueued. Due is when it was last due, by Redis's clock.
	Job
	// Token is the fencing number of this lease: higher than that of every lease of the shard before.
	// Hand it to systems that can refuse an older one.
	Token int64
	// Attempt is which start this is, from 1: failures and lost leases count, shutdown and snooze do
	// not.
	Attempt int
	// Failures is how often the handler has failed, LostLeases how often a worker was lost with it.
	Failures, LostLeases int
	// Errors are the last failures, newest first, at most 5.
	Errors []Failure
	// LostAt is when the last leases were lost, newest first, at most 5, by Redis's clock.
	LostAt []time.Time
	// Created is when the job was enqueued, by the producer's clock; zero if unknown.
	Created time.Time
	// Ready is when the job became ready, LeasedAt when the lease began and Deadline when it ends unless it is
	// extended, all by Redis's clock. From Due to Ready the job waited for a mover, from then on for a worker.
	Ready, LeasedAt, Deadline time.Time
	// Err is ErrDamaged or ErrNewerVersion when the job cannot be decoded. It should be buried then
	// with ReasonDamaged, which keeps its bytes.
	Err error

	shard *shard
	token string
	mark  string
	keep  time.Duration
}

// Lateness is how long after its due time the job was leased, by Redis's clock: below zero where that
// was set back meanwhile.
func (d *Delivery) Lateness() time.Duration { return d.LeasedAt.Sub(d.Due) }

// suspectAfter is how many lost leases make a job suspect: the last that it has by default before it is
// dead as a crash loop.
const suspectAfter = 2

// Suspect says that two workers or more were lost with the job, so that it may be what ends them. Lease
// gives it alone; run it beside as few others as can be, since those would be lost with it once more, and
// call Broker.Begin when it runs.
func (d *Delivery) Suspect() bool { return d.LostLeases >= suspectAfter }

// Expired says whether the job's Expires had passed when it was leased.
func (d *Delivery) Expired() bool { return !d.Expires.IsZero() && d.LeasedAt.After(d.Expires) }

// Mark leaves a mark of idempotency when the job is acked, in the same step: Broker.Marked finds it
// for the time it is kept. A second Mark takes the place of the first.
func (d *Delivery) Mark(mark string, keep time.Duration) { d.mark, d.keep = markField(mark), keep }

// markField is how a mark stands in Redis: as it is, or as its hash where it is long or not plain text.
func markField(mark string) string {
	if checkText("mark", mark, maxKeyBytes) == nil {
		return mark
	}
	return fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(mark)))
}

// keepSpec is the spec of ack: empty, or how long the job stays in done, the mark, and what is kept of its runs.
func (d *Delivery) keepSpec() string {
	retain := max(d.Retain, 0)
	if retain == 0 && d.mark == "" {
		return ""
	}
	spec := strconv.FormatInt(retain.Milliseconds(), 10) + " " + strconv.FormatInt(d.keep.Milliseconds(), 10) + " " + d.mark + "\t"
	if retain > 0 {
		spec += failuresText(append([]Failure{{Attempt: d.Attempt, Run: d.Run()}}, d.Errors...))
	}
	return spec
}

// Run is the times of this attempt, as they are kept with the job.
func (d *Delivery) Run() Run {
	return Run{Due: d.Due.UTC(), Ready: d.Ready.UTC(), Started: d.LeasedAt.UTC()}
}

// Reason says why a job is dead.
type Reason string

// The reasons for which a job is dead.
const (
	// ReasonExhausted: the handler failed MaxAttempts times.
	ReasonExhausted Reason = "exhausted"
	// ReasonRejected: the handler said that no retry can help.
	ReasonRejected Reason = "rejected"
	// ReasonExpired: the job had not started when its Expires passed.
	ReasonExpired Reason = "expired"
	// ReasonDamaged: the job could not be decoded; its bytes are kept.
	ReasonDamaged Reason = "damaged"
	// ReasonCrashLoop: several workers were lost with the job.
	ReasonCrashLoop Reason = "crash-loop"

	// reasonDropped leaves nothing of the job but a count.
	reasonDropped Reason = "dropped"
)

// Run is when an attempt came to be, by Redis's clock. From Due to Ready the job waited for a mover, from Ready to
// Started for a worker.
type Run struct {
	// Due is when the job was due, Ready when it became ready, Started when a worker leased it; zero if unknown.
	Due     time.Time `json:"due,omitzero"`
	Ready   time.Time `json:"ready,omitzero"`
	Started time.Time `json:"started,omitzero"`
}

// Failure is one failed attempt.
type Failure struct {
	// At is when, by the worker's clock.
	At time.Time `json:"at,omitzero"`
	// Attempt is which attempt failed, from 1.
	Attempt int `json:"attempt"`
	// Error is what the handler said, at most 4 KiB.
	Error string `json:"error"`
	Run
}

const (
	maxFailures   = 5
	maxErrorBytes = 4 << 10
)

// faults is an entry of the faults hash: "failures lost reason errors".
type faults struct {
	failures, lost int
	// lostAt is when the last leases were lost: '@' and a time in ms after their number for each, newest first.
	lostAt []time.Time
	reason Reason
	// begun is the token under which the handler of a job that leases were lost with has begun.
	begun  string
	errors []Failure
	// run is the one that succeeded, of a job that is kept.
	run Run
}

// ranToEnd stands in place of a reason where the first of the errors is the run that succeeded.
const ranToEnd = "done"

func parseFaults(entry string) faults {
	var f faults
	part := strings.SplitN(entry, " ", 4)
	if len(part) < 4 {
		return f
	}
	losses := strings.Split(part[1], "@")
	f.failures, f.lost = countOf(part[0]), countOf(losses[0])
	for _, ms := range losses[1:min(len(losses), maxFailures+1)] {
		f.lostAt = append(f.lostAt, entryTime(ms))
	}
	// What cannot be read is shown as none: the errors are there for people, not for decisions.
	_ = json.Unmarshal([]byte(part[3]), &f.errors)
	begun, hasBegun := strings.CutPrefix(part[2], "+")
	switch {
	case hasBegun:
		f.begun = begun
	case part[2] == ranToEnd && len(f.errors) > 0:
		f.run, f.errors = f.errors[0].Run, f.errors[1:]
	case part[2] != "-" && part[2] != ranToEnd:
		f.reason = Reason(part[2])
	}
	return f
}

// countOf reads a count. One that cannot be read counts as none, as in the scripts.
func countOf(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 {
		return 0
	}
	return n
}

// withFailure is the errors column of retry and bury: the failures so far and one more in front.
func (d *Delivery) withFailure(cause error, now time.Time) string {
	all := d.Errors
	if cause != nil {
		text := strings.ToValidUTF8(cause.Error(), "�")
		all = append([]Failure{{At: now, Attempt: d.Attempt, Error: cut(text, maxErrorBytes), Run: d.Run()}}, all...)
	}
	return failuresText(all[:min(len(all), maxFailures)])
}

func failuresText(all []Failure) string {
	out, err := json.Marshal(all)
	if err != nil {
		return "[]"
	}
	return string(out)
}

// cut shortens s to at most limit bytes without splitting a character.
func cut(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	for limit > 0 && s[limit]&0xc0 == 0x80 {
		limit--
	}
	return s[:limit]
}
