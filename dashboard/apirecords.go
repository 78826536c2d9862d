package dashboard

import (
	"context"
	"time"

	"github.com/dueq-io/dueq/queue"
)

// errorsAnswer is the answer of /api/v1/errors: dead and retrying jobs by what they have in common.
type errorsAnswer struct {
	// Sampled is how many jobs were looked at, of All that are dead or retrying.
	Sampled int64 `json:"sampled"`
	All     int64 `json:"all"`
	// Groups are those with the most jobs among the ones looked at, and More how many are left out.
	Groups []groupAnswer `json:"groups"`
	More   int           `json:"more"`
}

type groupAnswer struct {
	// ID is the fingerprint, which /api/v1/jobs takes as group.
	ID string `json:"id"`
	// Kind is that of the jobs, Class the error up to its first colon, Message all of its first line with what
	// differs from job to job masked.
	Kind    string `json:"kind"`
	Class   string `json:"class"`
	Message string `json:"message"`
	// Jobs are those looked at, dead and retrying.
	Jobs     int64 `json:"jobs"`
	Dead     int64 `json:"dead"`
	Retrying int64 `json:"retrying"`
	// First and Last are of the latest failure of each job.
	First  time.Time `json:"first,omitzero"`
	Last   time.Time `json:"last,omitzero"`
	Queues []string  `json:"queues"`
	// Sample is the beginning of the last error as it is, and Job the job that failed with it.
	Sample string    `json:"sample"`
	Job    refAnswer `json:"job"`
}

type refAnswer struct {
	Queue string `json:"queue"`
	ID    string `json:"id"`
}

func errorsAnswerOf(ctx context.Context, v *view) (any, error) {
	p, err := v.errorGroups(ctx)
	if err != nil {
		return nil, err
	}
	answer := errorsAnswer{Sampled: p.Sampled, All: p.All, Groups: make([]groupAnswer, len(p.Rows)), More: max(0, p.More)}
	for i := range p.Rows {
		r := &p.Rows[i]
		g := groupAnswer{
			ID: r.ID, Kind: r.Kind, Class: r.Class, Message: r.Message, Jobs: r.Jobs, Dead: r.Dead, Retrying: r.Retrying,
			First: jsonTime(r.first), Last: jsonTime(r.last), Queues: make([]string, len(r.Queues)), Sample: r.Sample, Job: refAnswer(r.job),
		}
		for n, q := range r.Queues {
			g.Queues[n] = q.Name
		}
		answer.Groups[i] = g
	}
	return answer, nil
}

// journalAnswer is the answer of /api/v1/journal: who did what, newest first.
type journalAnswer struct {
	Entries []entryAnswer `json:"entries"`
	// Next is what goes on with the page after, as before; left out where there is none.
	Next string `json:"next,omitempty"`
}

type entryAnswer struct {
	ID string `json:"id"`
	// Time is by Redis's clock.
	Time time.Time `json:"time,omitzero"`
	queue.JournalEntry
}

func journalAnswerOf(ctx context.Context, v *view) (any, error) {
	entries, next, err := v.journal(ctx, field(v.query, "before"), journalOnPage)
	if err != nil {
		return nil, err
	}
	answer := journalAnswer{Entries: make([]entryAnswer, len(entries)), Next: next}
	for i := range entries {
		answer.Entries[i] = entryAnswer{entries[i].ID, jsonTime(entries[i].Time), entries[i]}
	}
	return answer, nil
}
