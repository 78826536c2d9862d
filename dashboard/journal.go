package dashboard

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/dueq-io/dueq/dashboard/access"
	"github.com/dueq-io/dueq/queue"
)

// What the journal has beside the verbs.
const (
	signedIn     = "sign in"
	signedOut    = "sign out"
	endedSession = "end session"
	revealed     = "reveal"
)

// notePatience is how long a deed waits for the journal.
const notePatience = 2 * time.Second

// note writes an entry of whoever makes the request into the log and into the journal. It returns an
// error when the journal does not have it.
func (d *Dashboard) note(r *http.Request, id access.Identity, e queue.JournalEntry) error {
	e.User, e.Role, e.IP = id.Name, string(id.Role), d.gate.Address(r)
	d.cfg.Logger.InfoContext(r.Context(), "dashboard: "+e.Action,
		slog.String("user", e.User), slog.String("role", e.Role), slog.String("ip", e.IP), slog.String("queue", e.Queue),
		slog.String("filter", e.Filter), slog.String("bound", e.Bound), slog.Int64("count", e.Count),
		slog.String("reason", e.Reason), slog.String("result", e.Result))
	// What was done was done, also when the browser is gone.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), notePatience)
	defer cancel()
	err := d.client.Desk().Note(ctx, e)
	if err != nil {
		d.cfg.Logger.WarnContext(ctx, "dashboard: not in the journal", slog.String("action", e.Action), slog.Any("error", err))
	}
	return err
}

// noteFailure is note for what somebody was refused. Entries are spared where many are: they would push
// out what was done. Count says for how many attempts one stands.
func (d *Dashboard) noteFailure(r *http.Request, id access.Identity, e queue.JournalEntry) {
	n, ok := d.failures.take(time.Now())
	if !ok {
		return
	}
	e.Count = n
	_ = d.note(r, id, e) // is in the log
}

// noteRefused notes a name and a password that were refused. A name that no user has may be a password.
func (d *Dashboard) noteRefused(r *http.Request, name string, why error) {
	if !d.gate.IsUser(name) {
		name = ""
	}
	d.noteFailure(r, access.Identity{Name: name}, queue.JournalEntry{Action: signedIn, Result: why.Error()})
}

// failures lets some entries through at once, and then one every so often.
type failures struct {
	mu     sync.Mutex
	full   time.Time
	missed int64
}

const (
	failureBurst = 30
	failureEvery = time.Minute
)

// take says whether to note a failure, and for how many it stands.
func (f *failures) take(now time.Time) (n int64, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.missed++
	next := now
	if f.full.After(now) {
		next = f.full
	}
	if next = next.Add(failureEvery); next.Sub(now) > failureBurst*failureEvery {
		return 0, false
	}
	f.full = next
	n, f.missed = f.missed, 0
	return n, true
}

// journalScan bounds how many entries one page looks at.
const journalScan = 2000

// journal reads entries, newest first, from the one before the cursor on: those on queues in sight, and
// for admins also those on none. The cursor that it returns goes on; empty: there are no more.
func (s sight) journal(ctx context.Context, cursor string, limit int) (entries []queue.JournalEntry, next string, err error) {
	const part = 200
	for scanned := 0; scanned < journalScan; scanned += part {
		found, err := s.d.client.Desk().Journal(ctx, cursor, part)
		if err != nil {
			return nil, "", err
		}
		for _, e := range found {
			if len(entries) == limit {
				return entries, cursor, nil
			}
			cursor = e.ID
			if (e.Queue == "" && s.id.May(access.Administer)) || (e.Queue != "" && s.id.Sees(e.Queue)) {
				entries = append(entries, e)
			}
		}
		if len(found) < part {
			return entries, "", nil
		}
	}
	return entries, cursor, nil
}

// do carries out a deed on a queue, or on the namespace where e names none, and notes it. A deed does
// something to no other queue than that. It returns to how many jobs it was done.
func (a *actor) do(r *http.Request, e queue.JournalEntry, deed func(ctx context.Context, client *queue.Client) (int64, error)) (int64, error) {
	if e.Queue == "" && a.id.Scope() != "" {
		return 0, errScoped
	}
	if err := a.check(e.Queue); e.Queue != "" && err != nil {
		return 0, err
	}
	n, err := deed(r.Context(), a.d.client)
	e.Count = n
	if err != nil {
		e.Result = public(err)
	}
	_ = a.d.note(r, a.id, e) // is in the log
	return n, err
}

// errScoped is returned when somebody who sees some queues would act on all.
var errScoped = errors.New("whoever sees only some queues acts on one of them")

// errNoReason is returned when somebody wants to reveal a job for no reason.
var errNoReason = errors.New("a reason is required")

// reveal reads a job with nothing hidden. It is noted before: what cannot be noted stays hidden.
func (a *actor) reveal(r *http.Request, name, id, reason string) (queue.JobInfo, error) {
	switch {
	case !a.id.May(access.Reveal):
		return queue.JobInfo{}, access.ErrStranger
	case reason == "":
		return queue.JobInfo{}, errNoReason
	}
	if err := a.check(name); err != nil {
		return queue.JobInfo{}, err
	}
	info, err := a.d.client.Inspector().Job(r.Context(), name, id)
	if err != nil {
		return queue.JobInfo{}, err
	}
	e := queue.JournalEntry{Action: revealed, Queue: name, Filter: "id=" + id, Count: 1, Reason: reason}
	if err := a.d.note(r, a.id, e); err != nil {
		return queue.JobInfo{}, err
	}
	return info, nil
}

// publicErrors are those that say nothing but what they are.
var publicErrors = []error{
	queue.ErrMoved, queue.ErrNotFound, queue.ErrRunning, queue.ErrEnded, queue.ErrAlreadyDue, queue.ErrNotEnded, queue.ErrInvalid,
	queue.ErrNotEmpty, queue.ErrServed, queue.ErrUnknownQueue, queue.ErrRedisFull, queue.ErrUnavailable, queue.ErrUnknown, queue.ErrWrongType, context.DeadlineExceeded,
}

// public says what failed without what errors quote, which may be a part of a job or of an address.
func public(err error) string {
	for _, known := range publicErrors {
		if errors.Is(err, known) {
			return known.Error()
		}
	}
	return "failed; the log says why"
}
