package dashboard

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/dueq-io/dueq/queue"
)

const (
	errorsEvery = 15 * time.Second
	// failingQueues is how many queues the errors of the Overview are of, those with the most failed jobs, and
	// failedJobs how many jobs of each and of each state are looked at.
	failingQueues = 20
	failedJobs    = 25
	// topErrors is how many groups the Overview shows.
	topErrors = 5
)

// failure is jobs of one queue that failed in the same way.
type failure struct {
	group
	queue          string
	dead, retrying int64
	last           time.Time
	job            string
}

// readErrors looks at some failed jobs, the newest dead and those that are tried again next.
func (r *slowReader) readErrors(ctx context.Context, f *frame) ([]failure, error) {
	var failing []*queueState
	for i := range f.queues {
		if q := &f.queues[i]; q.err == nil && q.Dead+q.Retrying > 0 {
			failing = append(failing, q)
		}
	}
	slices.SortStableFunc(failing, func(a, b *queueState) int { return cmp.Compare(b.Dead+b.Retrying, a.Dead+a.Retrying) })
	found := []failure{}
	for _, q := range failing[:min(len(failing), failingQueues)] {
		groups := map[string]*failure{}
		for _, s := range []queue.State{queue.Dead, queue.Retrying} {
			if q.State(s) == 0 {
				continue
			}
			page, err := r.jobs(ctx, q.Name, queue.Query{State: s, Limit: failedJobs})
			if err != nil {
				return nil, err
			}
			for i := range page.Jobs {
				note(groups, &page.Jobs[i])
			}
		}
		for _, g := range groups {
			found = append(found, *g)
		}
	}
	return found, nil
}

func note(groups map[string]*failure, j *queue.JobInfo) {
	g := errorGroup(j)
	f := groups[g.ID]
	if f == nil {
		f = &failure{group: g, queue: j.Queue}
		groups[g.ID] = f
	}
	f.dead += int64(count(j.State == queue.Dead))
	f.retrying += int64(count(j.State == queue.Retrying))
	if at := failedAt(j); !at.Before(f.last) {
		f.last, f.job = at, jobPath(j.Queue, j.ID)
	}
}

func failedAt(j *queue.JobInfo) time.Time {
	if len(j.Errors) > 0 {
		return j.Errors[0].At
	}
	return j.At
}

// errorRow is a group of the Overview, over all queues in sight.
type errorRow struct {
	Message, Kind, Job string
	Jobs               int64
	Queues             []string
	Last               *moment

	last time.Time
}

// topErrors are the groups with the most jobs among those looked at.
func (f *frame) topErrors(now time.Time) []errorRow {
	seen := map[string]bool{}
	for i := range f.queues {
		seen[f.queues[i].Name] = true
	}
	rows := map[string]*errorRow{}
	for i := range f.errors {
		e := &f.errors[i]
		if !seen[e.queue] {
			continue
		}
		r := rows[e.ID]
		if r == nil {
			r = &errorRow{Message: e.Message, Kind: e.Kind}
			rows[e.ID] = r
		}
		r.Jobs += e.dead + e.retrying
		r.Queues = append(r.Queues, e.queue)
		if !e.last.Before(r.last) {
			r.last, r.Job = e.last, e.job
		}
	}
	out := make([]errorRow, 0, len(rows))
	for _, r := range rows {
		slices.Sort(r.Queues)
		r.Last = newMoment(r.last, now)
		out = append(out, *r)
	}
	slices.SortFunc(out, func(a, b errorRow) int {
		return cmp.Or(cmp.Compare(b.Jobs, a.Jobs), b.last.Compare(a.last), cmp.Compare(a.Message, b.Message))
	})
	return out[:min(len(out), topErrors)]
}
