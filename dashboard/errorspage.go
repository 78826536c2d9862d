package dashboard

import (
	"cmp"
	"context"
	"net/url"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/dueq-io/dueq/queue"
)

const (
	// errorsSampled is about how many dead and retrying jobs the page of errors looks at.
	errorsSampled = 1000
	// errorsAtLeast is how many of each queue and state it looks at however many queues there are.
	errorsAtLeast = 5
	// errorsWidth is how many queues are read at once.
	errorsWidth = 4
	// shownGroups bounds the table.
	shownGroups = 100
)

// errorsPage is what the page of that name shows.
type errorsPage struct {
	Rows []groupRow
	// Sampled is how many jobs were looked at, of All that are dead or retrying; Some says that it is not
	// all of them.
	Sampled, All int64
	Some         bool
	More         int
	Queue        string
	Queues       []string
}

// groupRow is the failures that belong together.
type groupRow struct {
	group
	Jobs, Dead, Retrying int64
	First, Last          *moment
	Queues               []groupQueue
	// Sample is the last error of one of the jobs as it is, and Job that job's page.
	Sample, Job string

	first, last time.Time
	queues      map[string]bool
	job         jobRef
}

// groupQueue is a queue with jobs of a group, and the lists of them.
type groupQueue struct{ Name, Dead, Retrying string }

func (d *Dashboard) errorsData(ctx context.Context, v *view) (any, error) { return v.errorGroups(ctx) }

// errorGroups groups what failed in the queues in sight, or in the one that is asked for.
func (v *view) errorGroups(ctx context.Context) (*errorsPage, error) {
	p := &errorsPage{Queue: field(v.query, "queue")}
	if p.Queue != "" {
		if err := v.known(p.Queue); err != nil {
			return nil, err
		}
	}
	jobs, err := v.failedJobs(ctx, p)
	if err != nil {
		return nil, err
	}
	p.Rows = groupsOf(jobs, v.now)
	if p.More = len(p.Rows) - shownGroups; p.More > 0 {
		p.Rows = p.Rows[:shownGroups]
	}
	return p, nil
}

// failedJobs reads dead and retrying jobs: of each queue the newest dead ones and those due next, a share
// of errorsSampled.
func (v *view) failedJobs(ctx context.Context, p *errorsPage) ([]queue.JobInfo, error) {
	type part struct {
		name  string
		state queue.State
	}
	var parts []part
	all := int64(0)
	for i := range v.frame.queues {
		q := &v.frame.queues[i]
		p.Queues = append(p.Queues, q.Name)
		if p.Queue != "" && p.Queue != q.Name {
			continue
		}
		for _, s := range []queue.State{queue.Dead, queue.Retrying} {
			if n := q.State(s); n > 0 {
				all += n
				parts = append(parts, part{q.Name, s})
			}
		}
	}
	share := min(500, max(errorsAtLeast, errorsSampled/max(1, len(parts))))
	var mu sync.Mutex
	var jobs []queue.JobInfo
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(errorsWidth)
	for _, part := range parts[:min(len(parts), 2*queuesAsked)] {
		group.Go(func() error {
			page, err := v.jobs(ctx, part.name, queue.Query{State: part.state, Limit: share})
			mu.Lock()
			defer mu.Unlock()
			jobs = append(jobs, page.Jobs...)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	p.Sampled, p.All, p.Some = int64(len(jobs)), max(all, int64(len(jobs))), int64(len(jobs)) < all
	return jobs, nil
}

// groupsOf groups jobs by what they failed with, those with the most jobs first.
func groupsOf(jobs []queue.JobInfo, now time.Time) []groupRow {
	rows := map[string]*groupRow{}
	for i := range jobs {
		j := &jobs[i]
		g := errorGroup(j)
		r := rows[g.ID]
		if r == nil {
			r = &groupRow{group: g, queues: map[string]bool{}}
			rows[g.ID] = r
		}
		r.add(j)
	}
	out := make([]groupRow, 0, len(rows))
	for _, r := range rows {
		r.finish(now)
		out = append(out, *r)
	}
	slices.SortFunc(out, func(a, b groupRow) int {
		return cmp.Or(cmp.Compare(b.Jobs, a.Jobs), b.last.Compare(a.last), cmp.Compare(a.ID, b.ID))
	})
	return out
}

func (r *groupRow) add(j *queue.JobInfo) {
	r.Jobs++
	r.Dead += int64(count(j.State == queue.Dead))
	r.Retrying += int64(count(j.State == queue.Retrying))
	r.queues[j.Queue] = true
	failed := j.At
	if len(j.Errors) > 0 {
		failed = j.Errors[0].At
	}
	if r.first.IsZero() || failed.Before(r.first) {
		r.first = failed
	}
	if !failed.Before(r.last) {
		r.last, r.Sample, r.Job, r.job = failed, excerpt(lastError(j)), jobPath(j.Queue, j.ID), jobRef{j.Queue, j.ID}
	}
}

func (r *groupRow) finish(now time.Time) {
	r.First, r.Last = newMoment(r.first, now), newMoment(r.last, now)
	list := func(name string, s queue.State) string {
		return "jobs?" + url.Values{"queue": {name}, "state": {string(s)}, "group": {r.ID}}.Encode()
	}
	names := make([]string, 0, len(r.queues))
	for name := range r.queues {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		r.Queues = append(r.Queues, groupQueue{name, list(name, queue.Dead), list(name, queue.Retrying)})
	}
}
