package dashboard

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"strings"

	"github.com/dueq-io/dueq/dashboard/access"
	"github.com/dueq-io/dueq/queue"
)

// jobsPage is what the page of that name shows.
type jobsPage struct {
	Filter jobFilter
	// From and To are the fields of the range.
	From, To string
	Queues   []string
	States   []stateChoice
	Wrong    []phrase
	// Find is the ID that was looked for and is nowhere.
	Find string
	// Among are the jobs of that ID in several queues.
	Among []jobRef
	List  jobList
}

type stateChoice struct {
	State  queue.State
	Word   phrase
	Chosen bool
}

// jobRef is the address of a job.
type jobRef struct{ Queue, ID string }

// jobList is a page of jobs with what can be done to them.
type jobList struct {
	Rows []jobRow
	// Several says that the jobs are of more than one queue.
	Several bool
	// Recent says that the rows are in order of when jobs were enqueued, and show it; Note what else there is to
	// say of them.
	Recent bool
	Note   phrase
	// Scanned is how many jobs were looked at, Picky that this was to find those with what was asked for.
	Scanned int64
	Picky   bool
	// Next and First are the addresses of other pages; empty: there is none.
	Next, First string
	// Fields are those of the filter, for the form that acts on what it selects.
	Fields [][2]string
	// Acts are what may be done to the jobs selected, All to all that the filter selects.
	Acts []choice
	All  []choice
	Back string
	Did  phrase
}

func (p *jobsPage) httpStatus() int {
	switch {
	case len(p.Wrong) > 0:
		return http.StatusBadRequest
	case p.Find != "":
		return http.StatusNotFound
	default:
		return http.StatusOK
	}
}

func (d *Dashboard) jobsData(ctx context.Context, v *view) (any, error) {
	if id := field(v.query, "find"); id != "" {
		return d.findJob(ctx, v, id)
	}
	f, wrong := readFilter(v.query)
	p := newJobsPage(v, &f, wrong)
	if len(wrong) > 0 {
		return p, nil
	}
	var err error
	p.List, err = v.list(ctx, &f, "jobs")
	return p, err
}

func newJobsPage(v *view, f *jobFilter, wrong []phrase) *jobsPage {
	p := &jobsPage{Filter: *f, From: writeTime(f.From), To: writeTime(f.To), Wrong: wrong}
	for i := range v.frame.queues {
		p.Queues = append(p.Queues, v.frame.queues[i].Name)
	}
	for _, s := range queue.States() {
		p.States = append(p.States, stateChoice{s, stateWord(s), s == f.State})
	}
	return p
}

// list reads a page of the jobs that a filter selects, for a page of the dashboard at a path.
func (v *view) list(ctx context.Context, f *jobFilter, path string) (jobList, error) {
	cursor := field(v.query, "cursor")
	page, err := v.search(ctx, f, cursor)
	if err != nil {
		return jobList{}, err
	}
	l := jobList{
		Several: f.Queue == "", Scanned: int64(page.Scanned), Picky: f.picky() || f.Kind != "" || f.Tag != "",
		Fields: f.pairs(), Back: v.d.cfg.BasePath + v.address(), Did: didPhrase(v.query),
	}
	for i := range page.Jobs {
		l.Rows = append(l.Rows, newJobRow(&page.Jobs[i], v.now))
	}
	at := func(cursor string) string {
		query := maps.Clone(v.query)
		query.Del("cursor")
		if cursor != "" {
			query.Set("cursor", cursor)
		}
		return strings.TrimSuffix(v.d.cfg.BasePath+"/"+path+"?"+query.Encode(), "?")
	}
	if page.Next != "" {
		l.Next = at(page.Next)
	}
	if cursor != "" {
		l.First = at("")
	}
	if v.acts(access.Operate) {
		l.Acts, l.All = choicesFor(f)
	}
	return l, nil
}

// findJob looks an ID up in every queue. One that is in a single queue is shown at once.
func (d *Dashboard) findJob(ctx context.Context, v *view, id string) (any, error) {
	p := newJobsPage(v, &jobFilter{}, nil)
	queues, err := v.find(ctx, id)
	switch {
	case errors.Is(err, queue.ErrInvalid):
		p.Wrong = append(p.Wrong, say("That is no ID of a job: one has 1 to 128 visible ASCII characters."))
		return p, nil
	case err != nil:
		return nil, err
	case len(queues) == 1:
		return nil, &elsewhere{"job?" + url.Values{"queue": {queues[0]}, "id": {id}}.Encode()}
	}
	for _, name := range queues {
		p.Among = append(p.Among, jobRef{name, id})
	}
	if len(queues) == 0 {
		p.Find = id
	}
	return p, nil
}

// elsewhere is returned for a page that is under another path.
type elsewhere struct{ path string }

func (e *elsewhere) Error() string { return "see " + e.path }

// address is that of the page without what was just done there.
func (v *view) address() string {
	u, err := url.Parse(v.url)
	if err != nil {
		return "/"
	}
	query := u.Query()
	for _, name := range []string{"did", "done", "moved"} {
		query.Del(name)
	}
	u.RawQuery = query.Encode()
	return u.String()
}
