package dashboard

import (
	"context"
	"net/http"

	"github.com/dueq-io/dueq/dashboard/access"
	"github.com/dueq-io/dueq/dashboard/text"
	"github.com/dueq-io/dueq/queue"
)

// sessionsPage is what the page of that name shows.
type sessionsPage struct {
	Base, Own string
	// Ends says that there is a route that ends a session.
	Ends     bool
	Sessions []access.SessionInfo
}

func (d *Dashboard) showSessions(w http.ResponseWriter, r *http.Request) {
	sessions, err := d.gate.Sessions(r.Context())
	if err != nil {
		d.refuse(w, r, err)
		return
	}
	d.plain(w, r, "sessions", http.StatusOK, text.Of(r).Say("sessions.title"), sessionsPage{
		Base: d.cfg.BasePath, Own: access.From(r.Context()).Session, Ends: !d.cfg.ReadOnly, Sessions: sessions,
	})
}

func (d *Dashboard) endSession(w http.ResponseWriter, r *http.Request, a *actor) {
	session := r.PostFormValue("session")
	e := queue.JournalEntry{Action: endedSession, Filter: d.ownerOf(r.Context(), session)}
	if err := d.gate.Revoke(r.Context(), session); err != nil {
		e.Result = public(err)
		_ = d.note(r, a.id, e) // is in the log
		d.refuse(w, r, err)
		return
	}
	_ = d.note(r, a.id, e)
	http.Redirect(w, r, d.cfg.BasePath+"/sessions", http.StatusSeeOther)
}

// ownerOf says whose session it is, for the journal.
func (d *Dashboard) ownerOf(ctx context.Context, session string) string {
	sessions, _ := d.gate.Sessions(ctx)
	for _, s := range sessions {
		if s.ID == session {
			return "user=" + s.Name
		}
	}
	return ""
}
