package dashboard

import (
	"context"
	"fmt"
	"net/http"
	"slices"

	"github.com/dueq-io/dueq/dashboard/access"
	"github.com/dueq-io/dueq/queue"
)

// sight is what one request may know: the queues that its identity sees, with secrets hidden. All that
// pages, JSON and streams show comes through it. A queue out of sight is like one that does not exist.
type sight struct {
	d  *Dashboard
	id access.Identity
}

func (d *Dashboard) sight(r *http.Request) sight { return sight{d, access.From(r.Context())} }

// frame is the latest frame for someone who looks just now, of the queues in sight.
func (s sight) frame(ctx context.Context) *frame { return s.d.collector.fresh(ctx).of(s.id) }

// check returns queue.ErrNotFound for a queue out of sight.
func (s sight) check(name string) error {
	if !s.id.Sees(name) {
		return fmt.Errorf("queue %s: %w", name, queue.ErrNotFound)
	}
	return nil
}

// queue reads one queue.
func (s sight) queue(ctx context.Context, name string) (queue.QueueInfo, error) {
	if err := s.check(name); err != nil {
		return queue.QueueInfo{}, err
	}
	return s.d.client.Inspector().Queue(ctx, name)
}

// jobs reads a page of jobs, with secrets hidden.
func (s sight) jobs(ctx context.Context, name string, q queue.Query) (queue.Page, error) {
	if err := s.check(name); err != nil {
		return queue.Page{}, err
	}
	s.blindfold(&q)
	page, err := s.d.client.Inspector().Jobs(ctx, name, q)
	for i := range page.Jobs {
		s.hide(&page.Jobs[i])
	}
	return page, err
}

// blindfold lets a query look for nothing but what its identity may see, or one could find out what is
// hidden by looking for it.
func (s sight) blindfold(q *queue.Query) {
	match, tag := q.Match, ""
	if !s.id.May(access.Reveal) {
		tag, q.Tag = q.Tag, ""
	}
	if match == nil && tag == "" {
		return
	}
	q.Match = func(j *queue.JobInfo) bool {
		seen := *j
		seen.Errors, seen.Tags = slices.Clone(j.Errors), slices.Clone(j.Tags)
		s.hideTexts(&seen)
		return (tag == "" || slices.Contains(seen.Tags, tag)) && (match == nil || match(&seen))
	}
}

// job reads one job, with secrets hidden.
func (s sight) job(ctx context.Context, name, id string) (queue.JobInfo, error) {
	j, _, err := s.jobAndForm(ctx, name, id)
	return j, err
}

// jobAndForm is job with what the payload is, as it is in Redis.
func (s sight) jobAndForm(ctx context.Context, name, id string) (queue.JobInfo, payloadForm, error) {
	if err := s.check(name); err != nil {
		return queue.JobInfo{}, payloadForm{}, err
	}
	info, err := s.d.client.Inspector().Job(ctx, name, id)
	if err != nil {
		return queue.JobInfo{}, payloadForm{}, err
	}
	form := formOf(info.Payload)
	s.hide(&info)
	return info, form, nil
}

// hide redacts all of a job that a producer or a handler wrote, but for its ID and its kind: people act
// by them.
func (s sight) hide(j *queue.JobInfo) {
	r := s.d.redactor
	j.Payload = []byte(r.Payload(j.Kind, j.Payload))
	j.Headers = r.Headers(j.Kind, j.Headers)
	j.Unique.Key = r.Text(j.Kind, j.Unique.Key)
	s.hideTexts(j)
}

// hideTexts redacts what jobs are looked for by.
func (s sight) hideTexts(j *queue.JobInfo) {
	r := s.d.redactor
	for i := range j.Tags {
		j.Tags[i] = r.Text(j.Kind, j.Tags[i])
	}
	for i := range j.Errors {
		j.Errors[i].Error = r.Text(j.Kind, j.Errors[i].Error)
	}
}

// actor is the sight of somebody who may also act. Only the router makes one, for a route that changes
// something, after it has seen that the identity may.
type actor struct {
	sight
}
