package dashboard

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/dueq-io/dueq/queue"
)

// problem is a page that says why the one asked for is not there.
type problem struct {
	Status      int
	Title, Text phrase
}

// otherPages have no address of their own: they are shown in place of others.
func (d *Dashboard) otherPages() []*page {
	return []*page{{name: "problem"}, {name: "act"}, {name: "signin"}, {name: "refused"}}
}

// problemOf says in public words what went wrong. Errors name hosts and users, which are for the log.
func problemOf(err error) problem {
	var told *refusal
	switch {
	case errors.As(err, &told):
		return problem{told.status, told.title, told.text}
	case errors.Is(err, queue.ErrNotFound), errors.Is(err, queue.ErrNoWorker):
		return problem{
			http.StatusNotFound, say("Not here"),
			say("There is nothing under this address: it may have ended meanwhile, or have been removed."),
		}
	case errors.Is(err, queue.ErrInvalid):
		return problem{http.StatusBadRequest, say("That cannot be asked for"), say("A value in the address is not of the form that it has to have.")}
	case errors.Is(err, queue.ErrUnavailable), errors.Is(err, queue.ErrUnknown), errors.Is(err, context.DeadlineExceeded), errors.Is(err, queue.ErrWrongType):
		return problem{http.StatusServiceUnavailable, say("Redis cannot be read"), cause(err)}
	default:
		return problem{http.StatusInternalServerError, say("This page cannot be shown"), say("The log says why.")}
	}
}

// refusal is an error that says itself what the reader is told.
type refusal struct {
	status      int
	title, text phrase
}

func (r *refusal) Error() string { return r.title.String() + ": " + r.text.String() }

// loggedProblem is problemOf, with the error in the log where the reader is not told all of it.
func (d *Dashboard) loggedProblem(r *http.Request, err error) problem {
	p := problemOf(err)
	if p.Status >= http.StatusInternalServerError && r.Context().Err() == nil {
		d.cfg.Logger.ErrorContext(r.Context(), "dashboard: page cannot be shown", slog.String("path", r.URL.Path), slog.Any("error", err))
	}
	return p
}

// serveProblem answers with a page that says what err means to the reader.
func (d *Dashboard) serveProblem(w http.ResponseWriter, r *http.Request, err error) {
	if there, ok := errors.AsType[*elsewhere](err); ok {
		http.Redirect(w, r, d.cfg.BasePath+"/"+there.path, http.StatusSeeOther)
		return
	}
	p := d.loggedProblem(r, err)
	v := d.view(r, d.sight(r).frame(r.Context()), time.Now())
	html, err := d.pages["problem"].whole(d, v, p)
	if err != nil {
		d.fail(w, r, err)
		return
	}
	writeHTML(w, p.Status, html)
}

// fail answers for an error of ours, which goes to the log.
func (d *Dashboard) fail(w http.ResponseWriter, r *http.Request, err error) {
	d.cfg.Logger.ErrorContext(r.Context(), "dashboard: page cannot be rendered",
		slog.String("path", r.URL.Path), slog.Any("error", err))
	http.Error(w, "This page cannot be shown; the log says why.", http.StatusInternalServerError)
}
