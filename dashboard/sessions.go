package dashboard

import (
	"context"
	"net/http"

	"github.com/dueq-io/dueq/dashboard/access"
	"github.com/dueq-io/dueq/queue"
)

// sessionsPage is what the page of that name shows.
type sessionsPage struct {
	Own string
	// Ends says that there is a route that ends a session.
	Ends     bool
	Sessions []access.SessionInfo
}

func (d *Dashboard) sessionsData(ctx context.Context, v *view) (any, error) {
	sessions, err := d.gate.Sessions(ctx)
	return sessionsPage{Own: v.id.Session, Ends: !d.cfg.ReadOnly, Sessions: sessions}, err
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
