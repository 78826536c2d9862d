package dashboard

import (
	"context"

	"github.com/dueq-io/dueq/dashboard/access"
	"github.com/dueq-io/dueq/queue"
)

const (
	// tabRecent is the tab beside those of states: the jobs that were enqueued last.
	tabRecent queue.State = "recent"
	// recentJobs is how many it has.
	recentJobs = 100
)

// recent reads the newest jobs of a queue, with secrets hidden.
func (s sight) recent(ctx context.Context, name string) (queue.Recent, error) {
	if err := s.check(name); err != nil {
		return queue.Recent{}, err
	}
	r, err := s.d.client.Inspector().Recent(ctx, name, recentJobs)
	for i := range r.Jobs {
		s.hide(&r.Jobs[i])
	}
	return r, err
}

// recentList is the tab Recent of a queue.
func (v *view) recentList(ctx context.Context, name string) (jobList, error) {
	r, err := v.recent(ctx, name)
	if err != nil {
		return jobList{}, err
	}
	l := newRecentList(v, &r)
	if v.acts(access.Operate) {
		l.Acts, _ = choicesFor(&jobFilter{Queue: name})
	}
	return l, nil
}

func newRecentList(v *view, r *queue.Recent) jobList {
	l := jobList{Recent: true, Scanned: int64(r.Scanned), Back: v.d.cfg.BasePath + v.address(), Did: didPhrase(v.query)}
	for i := range r.Jobs {
		l.Rows = append(l.Rows, newJobRow(&r.Jobs[i], v.now))
	}
	if r.Cut {
		l.Note = say("The newest of %s jobs looked at, of %s in the queue. One that was delayed may be missing.",
			formatCount(int64(r.Scanned)), formatCount(int64(r.Total)))
	}
	return l
}
