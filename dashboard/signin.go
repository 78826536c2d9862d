package dashboard

import (
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/dueq-io/dueq/dashboard/access"
	"github.com/dueq-io/dueq/queue"
)

// signInRoutes are there where there is a login.
func (d *Dashboard) signInRoutes() []route {
	if !d.cfg.Access.Login() {
		return nil
	}
	routes := []route{
		{pattern: "GET /login", need: access.Enter, show: d.showSignIn},
		{pattern: "POST /login", need: access.Enter, show: d.signIn},
		{pattern: "POST /logout", need: access.Enter, show: d.signOut},
		{pattern: "POST /sessions/end", need: access.Administer, change: d.endSession},
	}
	if d.cfg.Access.Authenticator != nil {
		routes = append(routes,
			route{pattern: "GET /login/away", need: access.Enter, show: d.signInElsewhere},
			route{pattern: "GET /login/back", need: access.Enter, show: d.signInReturned},
		)
	}
	return routes
}

// signInForm is what the page of that name shows.
type signInForm struct {
	Name, Next, Elsewhere string
	Problem               phrase
	Passwords             bool
}

func (d *Dashboard) showSignIn(w http.ResponseWriter, r *http.Request) {
	next := d.landing(r.URL.Query().Get("next"))
	if access.From(r.Context()).May(access.See) {
		http.Redirect(w, r, next, http.StatusSeeOther)
		return
	}
	d.signInPage(w, r, http.StatusOK, signInForm{Next: next})
}

func (d *Dashboard) signInPage(w http.ResponseWriter, r *http.Request, status int, form signInForm) {
	form.Passwords = d.gate.Passwords()
	if d.cfg.Access.Authenticator != nil {
		form.Elsewhere = d.cfg.Access.Authenticator.Label()
	}
	d.plain(w, r, "signin", status, say("Sign in"), form)
}

// signIn takes the form. All that is wrong with a name or a password gets the same answer.
func (d *Dashboard) signIn(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		d.refusal(w, r, http.StatusBadRequest, say("This form did not arrive whole."))
		return
	}
	name, next := r.PostForm.Get("name"), d.landing(r.PostForm.Get("next"))
	id, err := d.gate.SignIn(r, name, r.PostForm.Get("password"))
	if err != nil {
		d.notSignedIn(w, r, name, next, err)
		return
	}
	d.begin(w, r, id, next)
}

func (d *Dashboard) notSignedIn(w http.ResponseWriter, r *http.Request, name, next string, why error) {
	form, status := signInForm{Name: name, Next: next}, http.StatusUnauthorized
	throttled, isThrottled := errors.AsType[*access.ThrottledError](why)
	switch {
	case isThrottled:
		status, form.Problem = http.StatusTooManyRequests, say("Too many attempts. Try again in %d s.", retryAfter(w, throttled.Wait))
	case errors.Is(why, access.ErrBusy):
		retryAfter(w, time.Second)
		status, form.Problem = http.StatusServiceUnavailable, say("Too many people sign in just now. Try again in a few seconds.")
	default:
		form.Problem = say("Name or password is wrong.")
		d.noteRefused(r, name, why)
	}
	d.signInPage(w, r, status, form)
}

// begin starts the session of somebody who has proved who they are.
func (d *Dashboard) begin(w http.ResponseWriter, r *http.Request, id access.Identity, next string) {
	err := d.gate.Start(w, r, id)
	switch {
	case errors.Is(err, queue.ErrRedisFull):
		d.signInPage(w, r, http.StatusServiceUnavailable, signInForm{Next: next, Problem: say("Redis is full and cannot keep a new session. The dueq command still works: dueq purge makes room.")})
	case err != nil:
		d.cfg.Logger.WarnContext(r.Context(), "dashboard: session cannot be started", slog.Any("error", err))
		d.signInPage(w, r, http.StatusServiceUnavailable, signInForm{Next: next, Problem: say("Redis, which keeps the sessions, cannot be reached. Nobody can sign in until it is back.")})
	default:
		_ = d.note(r, id, queue.JournalEntry{Action: signedIn}) // is in the log
		http.Redirect(w, r, next, http.StatusSeeOther)
	}
}

func (d *Dashboard) signOut(w http.ResponseWriter, r *http.Request) {
	if err := d.gate.End(w, r); err != nil {
		d.refuse(w, r, err)
		return
	}
	if id := access.From(r.Context()); id.Session != "" {
		_ = d.note(r, id, queue.JournalEntry{Action: signedOut}) // is in the log
	}
	http.Redirect(w, r, d.cfg.BasePath+"/login", http.StatusSeeOther)
}

// nextCookie remembers where somebody wanted to go while they sign in elsewhere.
const nextCookie, nextTime = "dueq-next", 10 * time.Minute

func (d *Dashboard) signInElsewhere(w http.ResponseWriter, r *http.Request) {
	next := url.QueryEscape(d.landing(r.URL.Query().Get("next")))
	d.setNext(w, next, int(nextTime/time.Second))
	if err := d.cfg.Access.Authenticator.Start(w, r, d.callback()); err != nil {
		d.failedElsewhere(w, r, err)
	}
}

func (d *Dashboard) signInReturned(w http.ResponseWriter, r *http.Request) {
	next := ""
	if cookie, err := r.Cookie(nextCookie); err == nil {
		next, _ = url.QueryUnescape(cookie.Value)
	}
	d.setNext(w, "", -1)
	id, err := d.cfg.Access.Authenticator.Finish(w, r, d.callback())
	if err == nil {
		id, err = access.Foreign(id)
	}
	switch {
	case errors.Is(err, access.ErrStranger):
		d.refuse(w, r, err)
	case err != nil:
		d.failedElsewhere(w, r, err)
	default:
		d.begin(w, r, id, d.landing(next))
	}
}

func (d *Dashboard) failedElsewhere(w http.ResponseWriter, r *http.Request, err error) {
	d.cfg.Logger.WarnContext(r.Context(), "dashboard: signing in elsewhere failed", slog.Any("error", err))
	d.noteFailure(r, access.Identity{}, queue.JournalEntry{Action: signedIn, Result: "failed elsewhere"})
	d.signInPage(w, r, http.StatusUnauthorized, signInForm{Problem: say("You could not be signed in. The log of the dashboard says why.")})
}

func (d *Dashboard) setNext(w http.ResponseWriter, value string, maxAge int) {
	http.SetCookie(w, &http.Cookie{
		Name: nextCookie, Value: value, Path: d.cfg.BasePath + "/login", MaxAge: maxAge,
		Secure: d.cfg.secure(), HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}

// callback is where a browser returns to that signed in elsewhere.
func (d *Dashboard) callback() string {
	return strings.TrimSuffix(d.cfg.PublicURL, "/") + "/login/back"
}

// landing is where somebody goes who has signed in: a path of this dashboard, whatever was asked for.
func (d *Dashboard) landing(next string) string {
	u, err := url.Parse(next)
	home := d.cfg.BasePath + "/"
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || !strings.HasPrefix(next, home) ||
		strings.HasPrefix(next, "//") || strings.ContainsAny(next, "\\") || strings.HasPrefix(u.Path, home+"login") {
		return home
	}
	return u.RequestURI()
}
