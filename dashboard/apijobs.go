package dashboard

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/dueq-io/dueq/dashboard/access"
	"github.com/dueq-io/dueq/queue"
)

// jobRoutes are those of the pages of jobs, errors and the journal for programs.
func (d *Dashboard) jobRoutes() []route {
	return []route{
		{pattern: "GET /api/v1/jobs", need: access.See, show: d.serveData(jobsAnswerOf), script: true},
		{pattern: "GET /api/v1/job", need: access.See, show: d.serveData(jobAnswerOf), script: true},
		{pattern: "GET /api/v1/errors", need: access.See, show: d.serveData(errorsAnswerOf), script: true},
		{pattern: "GET /api/v1/journal", need: access.See, show: d.serveData(journalAnswerOf), script: true},
	}
}

// serveData answers with what data reads, or with why that cannot be read. It has no answer before the first
// sample: without the names of the queues it would say that there are no jobs.
func (d *Dashboard) serveData(data func(ctx context.Context, v *view) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		v := d.view(r, d.sight(r).frame(r.Context()), time.Now())
		if v.frame.at.IsZero() {
			writeJSON(w, http.StatusServiceUnavailable, errorAnswer{cause(v.frame.err).String()})
			return
		}
		answer, err := data(r.Context(), v)
		if err != nil {
			d.writeProblem(w, r, err)
			return
		}
		writeJSON(w, http.StatusOK, answer)
	}
}

// jsonTime is t in UTC, or the zero time where JSON cannot write it: whoever can reach Redis can put any
// number there, which must not hide the other jobs of a list.
func jsonTime(t time.Time) time.Time {
	if t = t.UTC(); t.Year() < 1 || t.Year() > 9999 {
		return time.Time{}
	}
	return t
}

// jobHead is what lists and the answer about one job have in common.
type jobHead struct {
	Queue string      `json:"queue"`
	ID    string      `json:"id"`
	Kind  string      `json:"kind"`
	State queue.State `json:"state"`
	// At is when a delayed or retrying job is due, a ready one was due, the lease of a leased one ends, a dead
	// one died and a done one ended, by Redis's clock; left out where it is not known.
	At time.Time `json:"at,omitzero"`
	// Failures is how often it failed, of MaxAttempts times at most; 0: as many as its worker allows.
	Failures    int `json:"failures"`
	MaxAttempts int `json:"max_attempts"`
	// Cancelled says that it was cancelled while it runs.
	Cancelled bool     `json:"cancelled"`
	Tags      []string `json:"tags,omitempty"`
	// Damaged says why the record cannot be read; left out where it can.
	Damaged phrase `json:"damaged,omitzero"`
}

func newJobHead(j *queue.JobInfo) jobHead {
	h := jobHead{
		Queue: j.Queue, ID: j.ID, Kind: j.Kind, State: j.State, At: jsonTime(j.At), Failures: j.Failures, MaxAttempts: j.MaxAttempts,
		Cancelled: j.Cancelled, Tags: j.Tags, Damaged: damage(j),
	}
	if j.State == queue.Done {
		h.At = jsonTime(j.Ended())
	}
	return h
}

// jobsAnswer is the answer of /api/v1/jobs: a page of the jobs that a filter selects.
type jobsAnswer struct {
	Jobs []jobBrief `json:"jobs"`
	// Scanned is how many jobs were looked at.
	Scanned int `json:"scanned"`
	// Next is the cursor of the page after; left out where there is none.
	Next string `json:"next,omitempty"`
}

// jobBrief is a job as the Jobs page lists it.
type jobBrief struct {
	jobHead
	// Error is the beginning of the last error, and Payload that of the payload, with secrets hidden.
	Error   string `json:"error_excerpt,omitempty"`
	Payload string `json:"payload_excerpt,omitempty"`
}

func jobsAnswerOf(ctx context.Context, v *view) (any, error) {
	f, wrong := readFilter(v.query)
	if len(wrong) > 0 {
		return nil, &refusal{http.StatusBadRequest, say("That cannot be asked for"), wrong[0]}
	}
	page, err := v.search(ctx, &f, field(v.query, "cursor"))
	if err != nil {
		return nil, err
	}
	answer := jobsAnswer{Jobs: make([]jobBrief, len(page.Jobs)), Scanned: page.Scanned, Next: page.Next}
	for i := range page.Jobs {
		row := newJobRow(&page.Jobs[i], v.now)
		answer.Jobs[i] = jobBrief{newJobHead(&page.Jobs[i]), row.Text, row.Payload}
	}
	return answer, nil
}

// jobAnswerOf reads one job, of the one queue that has its ID where none is named.
func jobAnswerOf(ctx context.Context, v *view) (any, error) {
	name, id := v.query.Get("queue"), v.query.Get("id")
	if name == "" {
		queues, err := v.find(ctx, id)
		switch {
		case err != nil:
			return nil, err
		case len(queues) == 0:
			return nil, queue.ErrNotFound
		case len(queues) > 1:
			return nil, &refusal{
				http.StatusConflict, say("That cannot be asked for"),
				say("Several queues have a job of this ID: %s. Name one of them.", excerpt(strings.Join(queues, ", "))),
			}
		}
		name = queues[0]
	}
	j, form, err := v.shownJob(ctx, name, id)
	if err != nil {
		return nil, err
	}
	return newJobAnswer(v, &j, form), nil
}
