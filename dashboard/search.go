package dashboard

import (
	"cmp"
	"context"
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
		if err := v.known(f.Queue); err != nil {
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
	names := make([]string, len(v.frame.queues))
	for i := range v.frame.queues {
		names[i] = v.frame.queues[i].Name
	}
	if len(names) == 0 {
		return nil, nil
	}
	return v.d.client.Inspector().Find(ctx, id, names...)
}

// known returns queue.ErrNotFound for a queue that is not there, or out of sight. Whoever asks for names
// at random costs Redis nothing, and this process no memory.
func (v *view) known(name string) error {
	if slices.ContainsFunc(v.frame.queues, func(q queueState) bool { return q.Name == name }) {
		return nil
	}
	return fmt.Errorf("queue %q: %w", name, queue.ErrNotFound)
}
