package dashboard

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// prefs is how somebody likes pages to look. A cookie keeps it.
type prefs struct {
	// Theme is light or dark; empty: as the system has it.
	Theme string
	// Lang is the tag of a language; empty: as the browser asks for.
	Lang string
	// Keys is off for those who want no shortcuts of single letters.
	Keys string
}

const (
	prefsCookie = "dueq-look"
	prefsAge    = 365 * 24 * time.Hour
)

var themes = []string{"", "light", "dark"}

func readPrefs(r *http.Request) prefs {
	cookie, err := r.Cookie(prefsCookie)
	if err != nil {
		return prefs{}
	}
	values, err := url.ParseQuery(cookie.Value)
	if err != nil {
		return prefs{}
	}
	return prefs{}.with(values)
}

// with takes over what values have and leaves the rest. What is none of the choices is left as well.
func (p prefs) with(values url.Values) prefs {
	if theme := values.Get("theme"); values.Has("theme") && slices.Contains(themes, theme) {
		p.Theme = theme
	}
	const longestTag = 35
	if lang := values.Get("lang"); values.Has("lang") && len(lang) <= longestTag {
		p.Lang = lang
	}
	if keys := values.Get("keys"); keys == "off" || keys == "on" {
		p.Keys = strings.TrimPrefix(keys, "on")
	}
	return p
}

func (p prefs) encode() string {
	values := url.Values{"theme": {p.Theme}, "lang": {p.Lang}}
	if p.Keys != "" {
		values.Set("keys", p.Keys)
	}
	return values.Encode()
}

// servePrefs keeps a choice in the browser that made it, and in nothing else.
func (d *Dashboard) servePrefs(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		http.Error(w, "This form did not arrive whole.", http.StatusBadRequest)
		return
	}
	http.SetCookie(w, &http.Cookie{
		Name: prefsCookie, Value: readPrefs(r).with(r.PostForm).encode(), Path: d.cfg.BasePath + "/",
		MaxAge: int(prefsAge / time.Second), HttpOnly: true, SameSite: http.SameSiteLaxMode,
		Secure: d.cfg.secure(),
	})
	http.Redirect(w, r, d.back(r), http.StatusSeeOther)
}

// back is the page that a form was on, and the Overview for any address that is not ours.
func (d *Dashboard) back(r *http.Request) string {
	home := d.cfg.BasePath + "/"
	to, err := url.Parse(r.PostFormValue("back"))
	if err != nil || to.Scheme != "" || to.Host != "" || to.User != nil || to.Opaque != "" ||
		!strings.HasPrefix(to.Path, home) || strings.HasPrefix(to.Path, "//") || strings.Contains(to.Path, `\`) {
		return home
	}
	return (&url.URL{Path: to.Path, RawQuery: to.RawQuery}).String()
}
