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
	"github.com/dueq-io/dueq/dashboard/text"
	"github.com/dueq-io/dueq/queue"
)

// refuse answers a request whose maker is unknown, and why.
func (d *Dashboard) refuse(w http.ResponseWriter, r *http.Request, why error) {
	lang := text.Of(r)
	throttled, isThrottled := errors.AsType[*access.ThrottledError](why)
	switch {
	case errors.Is(why, access.ErrNobody) && wantsHTML(r):
		next := ""
		if r.Method == http.MethodGet {
			next = "?next=" + url.QueryEscape(r.URL.RequestURI())
		}
		http.Redirect(w, r, d.cfg.BasePath+"/login"+next, http.StatusSeeOther)
	case errors.Is(why, access.ErrNobody):
		d.refusal(w, r, http.StatusUnauthorized, lang.Say("signin.title"))
	case errors.Is(why, access.ErrRefused):
		d.refusal(w, r, http.StatusUnauthorized, lang.Say("signin.wrong"))
	case isThrottled:
		d.refusal(w, r, http.StatusTooManyRequests, lang.Say("signin.wait", retryAfter(w, throttled.Wait)))
	case errors.Is(why, access.ErrBusy):
		retryAfter(w, time.Second)
		d.refusal(w, r, http.StatusServiceUnavailable, lang.Say("signin.busy"))
	case errors.Is(why, access.ErrStranger):
		d.refusal(w, r, http.StatusForbidden, lang.Say("refused.stranger"))
	default:
		d.cfg.Logger.WarnContext(r.Context(), "dashboard: session cannot be read", slog.Any("error", why))
		retryAfter(w, pollEvery)
		d.refusal(w, r, http.StatusServiceUnavailable, lang.Say("refused.away"))
	}
}

// forbid answers somebody who may not do what a route does. An attempt to change something is noted.
func (d *Dashboard) forbid(w http.ResponseWriter, r *http.Request, rt *route, id access.Identity) {
	if rt.changing() {
		d.noteFailure(r, id, queue.JournalEntry{Action: "POST " + rt.path(), Result: "not allowed"})
	}
	d.refusal(w, r, http.StatusForbidden, text.Of(r).Say("refused.text", id.Role))
}

// refusal says why in a page to people, and in a line to programs.
func (d *Dashboard) refusal(w http.ResponseWriter, r *http.Request, status int, why string) {
	if !wantsHTML(r) {
		http.Error(w, why, status)
		return
	}
	lang := text.Of(r)
	d.plain(w, r, "refused", status, lang.Say("refused.title"), map[string]any{"Text": why, "Base": d.cfg.BasePath})
}

// plain answers with a page that is not live.
func (d *Dashboard) plain(w http.ResponseWriter, r *http.Request, name string, status int, title string, page any) {
	v := visitorOf(r)
	var b bytes.Buffer
	err := d.plains[name][v.lang].ExecuteTemplate(&b, "plain", layout{surroundings: d.surroundings(title, v), Page: page})
	if err != nil {
		d.fail(w, r, err)
		return
	}
	writeHTML(w, status, b.Bytes())
}

// plainPages are the pages that are not live.
var plainPages = []string{"signin", "refused", "sessions"}

// wantsHTML says whether a person looks at the answer.
func wantsHTML(r *http.Request) bool { return strings.Contains(r.Header.Get("Accept"), "text/html") }

// retryAfter tells the browser, and returns, how many whole seconds to wait.
func retryAfter(w http.ResponseWriter, wait time.Duration) int {
	seconds := int(math.Ceil(wait.Seconds()))
	w.Header().Set("Retry-After", strconv.Itoa(seconds))
	return seconds
}
