package dashboard

import (
	"bytes"
	"errors"
	"log/slog"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/dueq-io/dueq/dashboard/access"
	"github.com/dueq-io/dueq/queue"
)

// refuse answers a request whose maker is unknown, and why.
func (d *Dashboard) refuse(w http.ResponseWriter, r *http.Request, why error) {
	throttled, isThrottled := errors.AsType[*access.ThrottledError](why)
	switch {
	case errors.Is(why, access.ErrNobody) && wantsHTML(r):
		next := ""
		if r.Method == http.MethodGet {
			next = "?next=" + url.QueryEscape(r.URL.RequestURI())
		}
		http.Redirect(w, r, d.cfg.BasePath+"/login"+next, http.StatusSeeOther)
	case errors.Is(why, access.ErrNobody):
		d.refusal(w, r, http.StatusUnauthorized, say("Sign in"))
	case errors.Is(why, access.ErrRefused):
		d.refusal(w, r, http.StatusUnauthorized, say("Name or password is wrong."))
	case isThrottled:
		d.refusal(w, r, http.StatusTooManyRequests, say("Too many attempts. Try again in %d s.", retryAfter(w, throttled.Wait)))
	case errors.Is(why, access.ErrBusy):
		retryAfter(w, time.Second)
		d.refusal(w, r, http.StatusServiceUnavailable, say("Too many people sign in just now. Try again in a few seconds."))
	case errors.Is(why, access.ErrStranger):
		d.refusal(w, r, http.StatusForbidden, say("You have no role here. Ask whoever runs this dashboard for one."))
	default:
		d.cfg.Logger.WarnContext(r.Context(), "dashboard: session cannot be read", slog.Any("error", why))
		retryAfter(w, pollEvery)
		d.refusal(w, r, http.StatusServiceUnavailable, say("Redis, which keeps the sessions, cannot be reached, so the dashboard does not know who you are. Try again soon."))
	}
}

// forbid answers somebody who may not do what a route does. An attempt to change something is noted.
func (d *Dashboard) forbid(w http.ResponseWriter, r *http.Request, rt *route, id access.Identity) {
	if rt.changing() {
		d.noteFailure(r, id, queue.JournalEntry{Action: "POST " + rt.path(), Result: "not allowed"})
	}
	d.refusal(w, r, http.StatusForbidden, say("Your role here is %s, which may not do this.", roleWord(id.Role)))
}

// refusal says why in a page to people, and in a line to programs.
func (d *Dashboard) refusal(w http.ResponseWriter, r *http.Request, status int, why phrase) {
	if !wantsHTML(r) {
		http.Error(w, why.String(), status)
		return
	}
	d.plain(w, r, "refused", status, say("Not allowed"), struct{ Text phrase }{why})
}

// plainLayout is what the template plain shows around a page: that of somebody who may not see more.
type plainLayout struct {
	surroundings
	Title phrase
	Page  any
}

// plain answers with a page that is not live.
func (d *Dashboard) plain(w http.ResponseWriter, r *http.Request, name string, status int, title phrase, page any) {
	v := d.view(r, nil, time.Now())
	var b bytes.Buffer
	err := d.pages[name].sets[v.Tag].ExecuteTemplate(&b, "plain", plainLayout{newSurroundings(d, v), title, page})
	if err != nil {
		d.fail(w, r, err)
		return
	}
	writeHTML(w, status, b.Bytes())
}

// wantsHTML says whether a person looks at the answer.
func wantsHTML(r *http.Request) bool { return strings.Contains(r.Header.Get("Accept"), "text/html") }

// retryAfter tells the browser, and returns, how many whole seconds to wait.
func retryAfter(w http.ResponseWriter, wait time.Duration) int {
	seconds := int(math.Ceil(wait.Seconds()))
	w.Header().Set("Retry-After", strconv.Itoa(seconds))
	return seconds
}
