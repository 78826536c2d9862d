package queuetest

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dueq-io/dueq/queue"
)

// AssertEnqueued ends the test unless want's queue holds a job like want, and returns that job. Fields of
// want that are zero are not compared; of Tags and Headers, those of want must be there, among others. Due
// and Expires are compared to the millisecond, and Delay to the second: it is the time from Enqueue to
// when the job is due, by the queue's clock, for a job that has not run yet.
func AssertEnqueued(tb TB, q *Queue, want queue.Job) queue.JobInfo {
	tb.Helper()
	all := q.Enqueued(want.Queue)
	for _, job := range all {
		if len(q.differences(want, job)) == 0 {
			return job
		}
	}
	tb.Fatalf("%s", q.missing(want, all))
	return queue.JobInfo{}
}

// AssertNotEnqueued fails the test if want's queue holds a job like want; see AssertEnqueued.
func AssertNotEnqueued(tb TB, q *Queue, want queue.Job) {
	tb.Helper()
	for _, job := range q.Enqueued(want.Queue) {
		if len(q.differences(want, job)) == 0 {
			tb.Errorf("queuetest: queue %s holds a job that it should not:\n  %s", want.Queue, q.line(job))
		}
	}
}

// missing says what was wanted and what is there instead.
func (q *Queue) missing(want queue.Job, all []queue.JobInfo) string {
	var b strings.Builder
	fmt.Fprintf(&b, "queuetest: queue %s has no such job:\n  want %s\n", want.Queue, wanted(want))
	switch len(all) {
	case 0:
		b.WriteString("  the queue is empty")
		return b.String()
	default:
		fmt.Fprintf(&b, "  have %d:", len(all))
	}
	const shown = 10
	for i, job := range all {
		if i == shown {
			fmt.Fprintf(&b, "\n    and %d more", len(all)-shown)
			break
		}
		fmt.Fprintf(&b, "\n    %s\n      %s", q.line(job), strings.Join(q.differences(want, job), "; "))
	}
	return b.String()
}

// line is a job as it is.
func (q *Queue) line(job queue.JobInfo) string {
	text := fmt.Sprintf("%s %s kind %s, payload %s", job.State, job.ID, job.Kind, quote(job.Payload))
	if job.State == queue.Delayed || job.State == queue.Retrying {
		text += fmt.Sprintf(", due in %v", job.At.Sub(q.Now()).Round(time.Second))
	}
	return text
}

// wanted is the fields of a job that are set.
func wanted(j queue.Job) string {
	var parts []string
	add := func(set bool, name string, value any) {
		if set {
			parts = append(parts, fmt.Sprintf("%s %v", name, value))
		}
	}
	add(j.ID != "", "id", j.ID)
	add(j.Kind != "", "kind", j.Kind)
	add(j.Payload != nil, "payload", quote(j.Payload))
	add(!j.Due.IsZero(), "due", moment(j.Due))
	add(j.Delay != 0, "delay", j.Delay)
	add(j.Priority != queue.Normal, "priority", j.Priority)
	add(j.Unique != queue.Unique{}, "unique", j.Unique.Key)
	add(!j.Expires.IsZero(), "expires", moment(j.Expires))
	add(j.MaxAttempts != 0, "max attempts", j.MaxAttempts)
	add(len(j.Backoff) > 0, "backoff", j.Backoff)
	add(j.Retain != 0, "retain", j.Retain)
	add(len(j.Tags) > 0, "tags", j.Tags)
	add(len(j.Headers) > 0, "headers", j.Headers)
	if len(parts) == 0 {
		return "any job"
	}
	return strings.Join(parts, ", ")
}

// differences are the fields of want that a job does not have.
func (q *Queue) differences(want queue.Job, have queue.JobInfo) []string {
	var out []string
	differ := func(differs bool, name string, value any) {
		if differs {
			out = append(out, fmt.Sprintf("%s is %v", name, value))
		}
	}
	differ(want.ID != "" && want.ID != have.ID, "id", have.ID)
	differ(want.Kind != "" && want.Kind != have.Kind, "kind", have.Kind)
	differ(want.Payload != nil && !bytes.Equal(want.Payload, have.Payload), "payload", quote(have.Payload))
	differ(!want.Due.IsZero() && want.Due.UnixMilli() != have.Due.UnixMilli(), "due", moment(have.Due))
	if delays := q.delays(have); want.Delay != 0 && !slices.ContainsFunc(delays, near(want.Delay)) {
		differ(true, "delay", delays[0].Round(time.Millisecond))
	}
	differ(want.Priority != queue.Normal && want.Priority != have.Priority, "priority", have.Priority)
	differ(want.Unique != queue.Unique{} && want.Unique != have.Unique, "unique", have.Unique.Key)
	differ(!want.Expires.IsZero() && (want.Expires.UnixMilli() != have.Expires.UnixMilli() || want.OnExpiry != have.OnExpiry), "expires", moment(have.Expires))
	differ(want.MaxAttempts != 0 && want.MaxAttempts != have.MaxAttempts, "max attempts", have.MaxAttempts)
	differ(len(want.Backoff) > 0 && !slices.Equal(want.Backoff, have.Backoff), "backoff", have.Backoff)
	differ(want.Retain != 0 && max(want.Retain, 0) != have.Retain, "retain", have.Retain)
	for _, tag := range want.Tags {
		differ(!slices.Contains(have.Tags, tag), "tags", have.Tags)
	}
	for name, value := range want.Headers {
		got, ok := have.Headers[name]
		differ(!ok || got != value, "header "+name, got)
	}
	return out
}

// delays are what the job's Delay may have been: the moment of its Enqueue is known to the millisecond
// only, and Advance may have been called in the same one.
func (q *Queue) delays(job queue.JobInfo) []time.Duration {
	const unsure = time.Millisecond
	return []time.Duration{
		job.Due.Sub(job.Created.Add(q.ahead(job.Created.Add(unsure)))),
		job.Due.Sub(job.Created.Add(q.ahead(job.Created))),
	}
}

func near(want time.Duration) func(time.Duration) bool {
	return func(d time.Duration) bool { return (d - want).Abs() < time.Second }
}

// moment is a time as it is kept, to the millisecond.
func moment(t time.Time) string { return t.Format("2006-01-02T15:04:05.000Z07:00") }

// quote is a payload as text, cut where it is long.
func quote(payload []byte) string {
	const longest = 200
	if len(payload) > longest {
		return fmt.Sprintf("%q and %d bytes more", payload[:longest], len(payload)-longest)
	}
	return fmt.Sprintf("%q", payload)
}
