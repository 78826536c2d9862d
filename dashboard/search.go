package dashboard

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/dueq-io/dueq/queue"
)

const (
	// jobsOnPage is how many jobs a page of a list has.
	jobsOnPage = 50
	// jobsScanned bounds how many jobs are looked at for one page.
	jobsScanned = 2000
	// queuesAsked bounds how many queues are asked for one page.
	queuesAsked = 100
)

// found is a page of the jobs that a filter selects.
type found struct {
	Jobs []queue.JobInfo
	// Scanned is how many jobs were looked at.
	Scanned int
	// Next is the cursor of the page after; empty: there is none.
	Next string
}

// search reads a page of jobs: of one queue, or of one queue after another. It goes on with fewer than
// jobsOnPage where it would have to look at too many jobs.
func (v *view) search(ctx context.Context, f *jobFilter, cursor string) (found, error) {
	names, within, err := v.queuesFrom(f, cursor)
	if err != nil {
		return found{}, err
	}
	var out found
	for i, name := range names {
		for {
			q := f.query()
			q.Cursor, q.Limit, q.Scan = within, jobsOnPage-len(out.Jobs), jobsScanned-out.Scanned
			if f.picky() {
				q.Match = f.matches
			}
			page, err := v.jobs(ctx, name, q)
			if err != nil {
				return found{}, err
			}
			out.Jobs = append(out.Jobs, page.Jobs...)
			out.Scanned += page.Scanned
			if within = page.Cursor; within == "" {
				break
			}
			if len(out.Jobs) >= jobsOnPage || out.Scanned >= jobsScanned {
				out.Next = name + ":" + within
				return out, nil
			}
		}
		if rest := names[i+1:]; len(rest) > 0 && (len(out.Jobs) >= jobsOnPage || out.Scanned >= jobsScanned || i+1 >= queuesAsked) {
			out.Next = rest[0] + ":"
			return out, nil
		}
	}
	return out, nil
}

// queuesFrom are the queues that a filter selects, from that of a cursor on, and the cursor within the
// first. Those that have no job of the state are left out.
func (v *view) queuesFrom(f *jobFilter, cursor string) (names []string, within string, err error) {
	if f.Queue != "" {
		if err := v.check(f.Queue); err != nil {
			return nil, "", err
		}
		names = []string{f.Queue}
	} else {
		for i := range v.frame.queues {
			if q := &v.frame.queues[i]; q.err == nil && jobsIn(&q.QueueInfo, f.State) > 0 {
				names = append(names, q.Name)
			}
		}
	}
	if cursor == "" {
		return names, "", nil
	}
	from, within, ok := strings.Cut(cursor, ":")
	if !ok || (f.Queue != "" && from != f.Queue) {
		return nil, "", errForeignCursor
	}
	i, there := slices.BinarySearchFunc(names, from, cmp.Compare[string])
	if names = names[i:]; !there {
		within = "" // the queue of the cursor has no such jobs any more
	}
	return names, within, nil
}

// jobsIn is how many jobs of a state, or of all, a queue has.
func jobsIn(q *queue.QueueInfo, s queue.State) int64 {
	if s != "" {
		return q.State(s)
	}
	n := int64(0)
	for _, s := range queue.States() {
		n += q.State(s)
	}
	return n
}

var errForeignCursor = &refusal{
	http.StatusBadRequest, say("That is no page of this list"),
	say("The cursor in the address is not one of this list. Begin at its first page."),
}

// find is the queues in sight that have a job of an ID.
func (v *view) find(ctx context.Context, id string) ([]string, error) {
	var names []string
	for i := range v.frame.queues {
		if len(names) == queuesAsked {
			break
		}
		names = append(names, v.frame.queues[i].Name)
	}
	var out []string
	for _, name := range names {
		_, err := v.job(ctx, name, id)
		switch {
		case err == nil:
			out = append(out, name)
		case !errors.Is(err, queue.ErrNotFound) && !errors.Is(err, queue.ErrWrongType):
			return nil, fmt.Errorf("find job in %s: %w", name, err)
		}
	}
	return out, nil
}
